import { version } from "../package.json";
import { bot } from "./bot";
import { campaign } from "./campaign";
import { debug } from "./debug";
import { guard } from "./guard";
import { id } from "./id";
import { isOut } from "./out";
import { clear, events } from "./outbox";
import { person, write } from "./person";
import { place } from "./place";
import { hook, on } from "./settings";
import type { Event, EventType, Page } from "./types";

/** What happened: type, time, its own fields as JSON, and where. */
type Moment = [EventType, number, string, Page];

const IDLE_MS = 30 * 60 * 1000;

/** What is noted, at next to no cost to the page, and not made an event yet. */
export let waiting: Moment[] = [];

/** Makes events of all that waits, for the person and with the title as they are now. */
// A router that was there before the client may have shown the next page, title and all, before we hear of it: then
// what is still said of the page before has the title that was last seen on it.
export const settle = (): any => {
  const here = place();
  const reason = bot();
  // Who is out may be so by another tab.
  if (isOut() || (reason && !on("bots", 1))) {
    waiting = [];
    clear();
    debug("optOut", reason);
  }
  if (!waiting[0]) return;
  const now = person();
  // Guarded one by one: an event that fails, or that its hook fails for, is dropped, as what was to be taken out of it
  // may still be in it; the others are not.
  waiting.splice(0).forEach(guard(([type, time, fields, page]: Moment) => {
    page.title = (page !== here && page.title) || document.title;
    const from = campaign(page.search);
    const source = JSON.stringify(from);
    // A new session, after an idle half hour or from a new campaign.
    // abs: a clock put back must not keep a session open until it has caught up
    if (!(Math.abs(time - now.time!) < IDLE_MS) || (source && source !== now.campaign)) {
      now.sessionId = id();
      now.campaign = source;
    }
    now.time = time;
    const seq = -~(now.seq as number);
    const event: Event = {
      type,
      messageId: id(),
      originalTimestamp: new Date(time).toISOString(),
      anonymousId: now.anonymousId,
      userId: now.userId,
      ...JSON.parse(fields),
      context: {
        page: { ...page },
        campaign: from,
        locale: navigator.language,
        sessionId: now.sessionId,
        seq,
        bot: reason,
        dropped: now.dropped,
        library: { name: "kit", version },
      },
    };
    const sent: any = hook?.(event);
    if (sent || sent === undefined) {
      events.push(JSON.stringify(sent?.type ? sent : event)); // true is no event, but a yes
      now.seq = seq;
      now.dropped = undefined;
    }
    debug(now.seq === seq ? "recorded" : "dropped", event);
  }));
  write(now);
};
