import { alias } from "./alias";
import { optIn, optOut } from "./consent";
import { flush } from "./flush";
import { group } from "./group";
import { guard } from "./guard";
import { identify } from "./identify";
import { page } from "./page";
import { ready } from "./ready";
import { at } from "./record";
import { reset } from "./reset";
import { beforeSend } from "./settings";
import { track } from "./track";
import type { QueuedCall } from "./types";

/** Every call, by its name. */
export const calls: Record<string, (...args: any[]) => unknown> = { page, track, identify, group, alias, reset, ready, flush, optOut, optIn, beforeSend };
for (const name in calls) calls[name] = guard(calls[name]!);

/** Makes a call that was made before the client was there. */
export const replay = ([name, args, time, done]: QueuedCall): void => at(time, () => (calls[name]!(...args) as Promise<void>).then(done));
