import { on } from "./settings";

/** localStorage; or, where that is blocked, not wanted, or in a sandboxed frame, where even reading the property throws,
 * an object that lives as long as the page. */
let store: Record<string, string> = {};
/** What it did not take, being full. The next try may go well: an opt-out must not depend on it. */
const refused: typeof store = {};

/** Finds out where things can be kept. */
export const openStorage = (): void => {
  try {
    // Null in an Android WebView that was not told otherwise.
    if (on("storage", 1)) store = localStorage || {};
  } catch {}
};

/** What is kept under a name. */
export const load = (name: string): string | undefined => refused[name] ?? store[name];

/** Keeps a text under a name; without a text, forgets it. */
export const save = (name: string, text?: string): void => {
  delete refused[name];
  try {
    if (text) store[name] = text;
    else delete store[name];
  } catch {
    refused[name] = text!;
  }
};

/** The names, as all of ours do, that begin with `beginning`. */
export const names = (beginning: string): string[] => Object.keys(store).filter((name) => name.startsWith(beginning));
