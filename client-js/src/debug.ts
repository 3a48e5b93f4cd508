import { on } from "./settings";

/** Explains a decision in the console, where that is wanted. */
export const debug = (...words: unknown[]): unknown => on("debug") && console.debug("kit", ...words);
