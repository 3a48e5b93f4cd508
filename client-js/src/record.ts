import { json } from "./json";
import { place } from "./place";
import { schedule } from "./send";
import type { EventType, Fields, Page } from "./types";
import { waiting } from "./waiting";

let replayed: number | undefined;

/** Runs `fn`, a call of the stub, as if it were the time of that call. */
export const at = (time: number | undefined, fn: () => unknown): void => {
  replayed = time;
  fn();
  replayed = 0;
};

/** Records what happened now. Properties are the caller's to change after the call, so they are written down at once. */
export const record = (type: EventType, fields: Fields, page: Page = place()): void => {
  schedule(waiting.push([type, replayed || Date.now(), json(fields), page]));
};
