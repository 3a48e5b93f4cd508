export let endpoint: string;
export let writeKey: string | undefined;
/** Whether page views are recorded without being asked for. */
export let auto: boolean;
/** Whether the address's hash is part of it, as hash-routed applications have it. */
export let hash: boolean;

/** Takes the settings from the client's own script tag. */
export function configure({ dataset, src }: HTMLScriptElement): void {
  writeKey = dataset.writeKey;
  auto = dataset.auto !== "false";
  hash = "hash" in dataset;
  // Relative to its own address: /api/kit.js posts to /api/v1/batch.
  endpoint = new URL((dataset.host || ".").replace(/\/?$/, "/v1/batch"), src).href;
}
