import { calls } from "./calls";
import { guard } from "./guard";
import { configure } from "./settings";
import { start } from "./start";
import { openStorage } from "./storage";
import type { Calls, Options, QueuedCall } from "./types";

export { user } from "./user";
export type { Event, Options, Page, Properties } from "./types";

let started = false;
const early: QueuedCall[] = [];

/**
 * Starts the client; a second time it does nothing. On a server, where there is no page, it does nothing either, and
 * neither do the calls: so a component may use them wherever it is rendered.
 */
export function init(options: Options & { host: string }): void {
  if (started || typeof window === "undefined") return;
  started = true;
  void calls.beforeSend!(options.beforeSend);
  void guard(() => {
    configure({ ...options }, location.href);
    openStorage();
    start(early);
  })();
}

/** A call by its name, which waits for `init`. */
function call<Name extends keyof Omit<Calls, "user">>(name: Name): Calls[Name] {
  const waiting = (...args: unknown[]) => {
    if (started) return calls[name]!(...args);
    if (typeof window === "undefined") return Promise.resolve();
    return new Promise<void>((done) => early.push([name, args, Date.now(), done]));
  };
  return waiting as Calls[Name];
}

export const page: Calls["page"] = call("page");
export const track: Calls["track"] = call("track");
export const identify: Calls["identify"] = call("identify");
export const group: Calls["group"] = call("group");
export const alias: Calls["alias"] = call("alias");
export const reset: Calls["reset"] = call("reset");
export const ready: Calls["ready"] = call("ready");
export const flush: Calls["flush"] = call("flush");
export const optOut: Calls["optOut"] = call("optOut");
export const optIn: Calls["optIn"] = call("optIn");
export const beforeSend: Calls["beforeSend"] = call("beforeSend");
