// A session, told as a story: what was done, when, and how long it took until the next thing.
import { read } from "./api.js";
import { element } from "./element.js";
import { counted, duration, time, timeToTheSecond, weekday } from "./format.js";
import { cut, raw, shown } from "./shown.js";
import { details, kind, what } from "./told.js";

const PAGE = 200;
const PAUSE = 1.5; // seconds: shorter ones say nothing

/** @typedef {Record<string, any>} Session */
/** @typedef {Record<string, any>} Event */

/**
 * @param {Session} session as `/v1/sessions` tells it
 * @param {import("./api.js").Query} who whose part of the session is told
 * @param {AbortSignal} signal
 * @param {boolean} open
 */
export function story(session, who, signal, open) {
  const list = element("ol", { class: "story" });
  const told = element("details", { class: "session", toggle: () => told.open && begin() }, summary(session), list);
  // A session may be several people's, where one device is; and a person may be on two at a time.
  const until = new Date(Date.parse(session.end) + 1).toISOString();
  const query = { ...who, since: session.start, until, order: "asc", limit: PAGE, bots: "include" };
  let begun = false;
  const begin = () => {
    if (!begun) more(list, query, session.id, signal);
    begun = true;
  };
  told.open = open;
  return told;
}

/** @param {Session} session */
function summary({ start, end, duration: length, events, pageViews, entryPage, exitPage, referrer }) {
  const from = referrer && URL.canParse(referrer) ? new URL(referrer).host : referrer;
  const way = [
    from ? element("span", {}, "from ", shown(from, 60), " ") : null,
    entryPage ? element("span", {}, "\u2192 ", shown(entryPage, 60)) : null,
    exitPage && exitPage !== entryPage ? element("span", {}, " \u2026 ", shown(exitPage, 60)) : null,
  ];
  const until = length >= 60 ? [" \u2013 ", time(end)] : [];
  return element(
    "summary",
    {},
    element("span", { class: "when" }, weekday(start), ", ", time(start), until),
    element(
      "span",
      { class: "soft figure" },
      [
        length >= 1 ? duration(length) : null,
        pageViews ? counted(pageViews, "page view") : null,
        counted(events, "event"),
      ]
        .filter(Boolean)
        .join(" \u00b7 "),
    ),
    element("span", { class: "way soft" }, way),
  );
}

/**
 * Tell the next events of a session.
 *
 * @param {HTMLElement} list
 * @param {import("./api.js").Query} query
 * @param {string} id the session's
 * @param {AbortSignal} signal
 */
async function more(list, query, id, signal) {
  const waiting = element("li", { class: "soft", "data-waiting": true }, "Loading \u2026");
  list.append(waiting);
  try {
    const { data, next_cursor: cursor } = await read("/v1/events", query, signal);
    tell(
      list,
      data.filter((/** @type {Event} */ event) => event.context?.sessionId === id),
    );
    if (cursor) list.append(button("Load more of this session", () => more(list, { ...query, cursor }, id, signal)));
    if (list.children.length === 1) list.append(element("li", { class: "soft" }, "Its events are not kept any more."));
  } catch (error) {
    if (signal.aborted) return;
    list.append(
      element("li", {}, cut(error instanceof Error ? error.message : "")),
      button("Try again", () => more(list, query, id, signal)),
    );
  }
  waiting.remove();
}

/**
 * @param {string} words
 * @param {() => void} act
 */
function button(words, act) {
  const click = () => {
    item.remove();
    act();
  };
  const item = element("li", { class: "more" }, element("button", { type: "button", click }, words));
  return item;
}

/**
 * @param {HTMLElement} list
 * @param {Event[]} events the oldest first
 */
function tell(list, events) {
  for (const [index, event] of events.entries()) {
    const next = events[index + 1];
    const pause = next ? (Date.parse(next.timestamp) - Date.parse(event.timestamp)) / 1000 : 0;
    list.append(line(event, pause));
  }
}

/**
 * One event, with the whole of it behind.
 *
 * @param {Event} event
 * @param {number} [pause] seconds until the next
 */
export function line(event, pause = 0) {
  const whole = element(
    "details",
    {
      class: "whole",
      toggle: () => whole.open && whole.children.length < 2 && whole.append(raw(event, "The whole event")),
    },
    element("summary", { "aria-label": "The whole event" }, "{ }"),
  );
  return element(
    "li",
    { class: "event", "data-kind": kind(event) },
    timeToTheSecond(event.timestamp),
    element("div", { class: "what" }, element("span", {}, what(event)), " ", details(event)),
    pause >= PAUSE ? element("span", { class: "pause figure", title: "Until the next event" }, duration(pause)) : null,
    whole,
  );
}
