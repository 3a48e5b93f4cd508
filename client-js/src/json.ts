import type { Properties } from "./types";

/** `event` as JSON; what JSON cannot carry of its properties and traits is left out. */
export function json(event: { properties?: Properties; traits?: Properties }): string {
  try {
    return JSON.stringify(event);
  } catch {
    return JSON.stringify({ ...event, properties: carried(event.properties), traits: carried(event.traits) });
  }
}

function carried(properties?: Properties): Properties {
  const kept: Properties = {};
  for (const name in properties) {
    try {
      // As it is now: a getter could answer differently, or throw, when it is asked again.
      kept[name] = JSON.parse(JSON.stringify(properties[name]));
    } catch {}
  }
  return kept;
}
