import type { Options } from "./types";

/** The options, or the attributes of the script tag: `data-opt-out` is there as "", and `data-auto="false"` as a text. */
export let settings: { [option in keyof Options]?: unknown } = {};
/** Where events are sent. */
export let endpoint: URL;
/** What sees each event before it is sent. */
export let hook: Options["beforeSend"];

/** Takes the settings. `base` is what the host is relative to: /api/kit.js posts to /api/v1/batch. */
export const configure = (options: typeof settings, base: string): void => {
  settings = options;
  endpoint = new URL(((options.host as string) || ".").replace(/\/?$/, "/v1/batch"), base);
};

/** Whether an option is on. */
// What is off has an f in it: false, off, undefined.
export const on = (option: keyof Options, byDefault?: 1): boolean => !/f/.test((settings[option] ?? byDefault) as string);

/** Sets what sees each event before it is sent, and may change it, or drop it by answering null or false. */
export const beforeSend = (fn: typeof hook): void => {
  hook = fn;
};
