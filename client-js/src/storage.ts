import { on } from "./settings";

/** localStorage; or, where that is blocked, full, not wanted, or in a sandboxed frame, where even reading the property
 * throws, an object that lives as long as the page. */
let store: Record<string, string> = {};

/** Finds out where things can be kept. */
export const openStorage = (): void => {
  try {
    // Null in an Android WebView that was not told otherwise.
    if (on("storage", true)) store = localStorage || {};
  } catch {}
};

/** What is kept under a name. */
export const load = (name: string): string | undefined => store[name];

/** Keeps a text under a name; without a text, forgets it. */
export const save = (name: string, text?: string): void => {
  try {
    if (text) store[name] = text;
    else delete store[name];
  } catch {
    store = { ...store };
    save(name, text);
  }
};

/** The names, as all of ours do, that begin with `beginning`. */
export const names = (beginning: string): string[] => Object.keys(store).filter((name) => name.startsWith(beginning));
