import { alias } from "./alias";
import { at } from "./clock";
import { flush } from "./flush";
import { group } from "./group";
import { guard } from "./guard";
import { identify } from "./identify";
import { onLeave } from "./onLeave";
import { page } from "./page";
import { pageViews } from "./pageViews";
import { ready } from "./ready";
import { reset } from "./reset";
import { configure } from "./settings";
import { track } from "./track";
import type { QueuedCall } from "./types";
import { user } from "./user";

const calls: Record<string, (...args: any[]) => unknown> = { page, track, identify, group, alias, reset, ready, flush, user };

guard(() => {
  // The stub's own array becomes the kit, so that who kept a reference to it, or to a call, goes on with the client.
  // Not every `window.kit` is the stub: an element with id="kit" is found there too.
  const kit: any = Array.isArray(window.kit) ? window.kit : [];
  if (kit.user) return; // the tag was pasted twice
  configure(document.currentScript as HTMLScriptElement);
  for (const name in calls) kit[name] = guard(calls[name]!);
  kit.push = ([name, args, time]: QueuedCall) => at(time, () => kit[name](...args));
  window.kit = kit;
  onLeave();

  const queued: QueuedCall[] = kit.splice(0);
  // The page was there before anything it called: its view comes first, and is not younger.
  pageViews(queued[0]?.[2]);
  queued.forEach(kit.push);
})();
