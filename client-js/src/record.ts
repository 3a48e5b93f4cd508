import { json } from "./json";
import { place } from "./place";
import { schedule } from "./send";
import type { EventType, Fields, Page } from "./types";
import { note } from "./waiting";

const WAIT_MS = 1000;
const FULL_EVENTS = 20;

let replayed: number | undefined;

/** Runs `fn`, a call of the stub, as if it were the time of that call. */
export const at = (time: number | undefined, fn: () => unknown): void => {
  replayed = time;
  fn();
  replayed = 0;
};

/** Records what happened now. Properties are the caller's to change after the call, so they are written down at once. */
export const record = (type: EventType, fields: Fields, page: Page = place()): void => {
  const count = note([type, replayed || Date.now(), json(fields), page]);
  schedule(count < FULL_EVENTS ? WAIT_MS : 0);
};
