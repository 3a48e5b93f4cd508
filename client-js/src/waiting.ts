import { version } from "../package.json";
import { bot } from "./bot";
import { campaign } from "./campaign";
import { isOut } from "./consent";
import { debug } from "./debug";
import { id } from "./id";
import { events } from "./outbox";
import { person, write } from "./person";
import { hook, on } from "./settings";
import type { Event, EventType, Page } from "./types";

/** What happened: type, time, its own fields as JSON, and where. */
type Moment = [EventType, number, string, Page];

const IDLE_MS = 30 * 60 * 1000;

let waiting: Moment[] = [];

/** Notes what happened, which must cost the page next to nothing, and answers how much waits to become events. */
export const note = (moment: Moment): number => waiting.push(moment);

/** Forgets what waits. */
export const forget = (): void => {
  waiting = [];
};

/** Makes events of all that waits, for the person and with the title as they are now. */
export const settle = (): any => {
  const moments = waiting;
  forget();
  if (!moments[0] || isOut()) return;
  const reason = bot();
  if (reason && !on("bots", true)) return debug("bot", reason);
  const now = person();
  for (const [type, time, fields, page] of moments) {
    const from = campaign(page.search);
    const source = JSON.stringify(from);
    // A new session, after an idle half hour or from a new campaign.
    // abs: a clock put back must not keep a session open until it has caught up
    if (!(Math.abs(time - now.time!) < IDLE_MS) || (source && source !== now.campaign)) {
      now.sessionId = id();
      now.campaign = source;
    }
    now.time = time;
    const seq = (now.seq || 0) + 1;
    const event: Event = {
      type,
      messageId: id(),
      originalTimestamp: new Date(time).toISOString(),
      anonymousId: now.anonymousId,
      userId: now.userId,
      ...JSON.parse(fields),
      context: {
        page: { ...page, title: document.title },
        campaign: from,
        locale: navigator.language,
        sessionId: now.sessionId,
        seq,
        bot: reason,
        dropped: now.dropped,
        library: { name: "kit", version },
      },
    };
    try {
      const sent: any = hook?.(event);
      if (sent || sent === undefined) {
        events.push(JSON.stringify(sent?.type ? sent : event)); // true is no event, but a yes
        now.seq = seq;
        now.dropped = undefined;
      }
    } catch {} // an event that its hook fails for is dropped: what was to be taken out may still be in it
    debug(now.seq === seq ? "recorded" : "dropped", event);
  }
  write(now);
};
