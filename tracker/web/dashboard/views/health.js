// Whether it works: the queue, what failed, and how many of the events that were made have arrived.
import { link } from "../address.js";
import { read, readAll } from "../api.js";
import { chart } from "../chart.js";
import { element } from "../element.js";
import { count, dayAndTime, duration, percent } from "../format.js";
import { asked, picker, rangeOf, times } from "../range.js";
import { cut, shown } from "../shown.js";

export const title = "Health";

const LATE = 300; // seconds: then `python -m tracker status` wants attention, too
const COUNTED_LATE = 900;
const USUAL = { range: "30d" };

/** @typedef {Record<string, any>} Status */
/** @typedef {{ time: string, expected: number, arrived: number }} Day */

/**
 * @param {Record<string, string>} query
 * @param {AbortSignal} signal
 */
export async function load(query, signal) {
  const asked_ = { ...USUAL, ...query };
  const range = { ...rangeOf(asked_), interval: /** @type {const} */ ("day") };
  const [status, days] = await Promise.all([
    read("/v1/status", {}, signal),
    readAll("/v1/delivery", asked(range), signal),
  ]);
  return element(
    "div",
    {},
    element("header", { class: "head" }, element("h1", { tabindex: -1 }, title)),
    ...status.attention.map((/** @type {string} */ words) =>
      element("p", { class: "note wrong" }, element("strong", {}, "Needs attention: "), shown(words, 400)),
    ),
    queue(status),
    element(
      "section",
      { class: "panel delivery", "aria-label": "Delivery" },
      element("div", { class: "between" }, element("h2", {}, "Delivery"), picker(asked_)),
      delivery(days, range, signal),
    ),
  );
}

/** @param {Status} status */
function queue({ waiting, inFlight, deadLetters, oldestSeconds, lagSeconds, lagOf, countingSeconds, unknown, sites }) {
  const [[, site] = []] = /** @type {[string, Status][]} */ (Object.entries(sites));
  return element(
    "section",
    { class: "panel", "aria-label": "The queue" },
    element("h2", {}, "From the page to the store"),
    element(
      "dl",
      { class: "gauges" },
      gauge("Lag", lagSeconds === null ? "unknown" : duration(lagSeconds), lagOf ?? unknown ?? "", lagSeconds > LATE),
      gauge(
        "Waiting",
        count(waiting),
        waiting
          ? `messages; the oldest for ${oldestSeconds === null ? "an unknown time" : duration(oldestSeconds)}`
          : "no message waits",
        oldestSeconds > LATE,
      ),
      countingSeconds === null
        ? null
        : gauge("Counts behind", duration(countingSeconds), "what is stored", countingSeconds > COUNTED_LATE),
      gauge("Being stored", count(inFlight), "messages at this moment"),
      gauge(
        "Dead letters",
        count(deadLetters),
        deadLetters ? "failed again and again" : "every message could be stored",
        deadLetters > 0,
      ),
      gauge(
        "Failed events",
        site ? `${count(site.failedEvents)}${site.moreFailedEvents ? "+" : ""}` : "0",
        element("a", { href: link("failed") }, "what was wrong with them"),
      ),
      gauge("Last event", site?.lastEvent ? dayAndTime(site.lastEvent) : "none yet", ""),
    ),
    element("p", { class: "soft small" }, "The queue is that of all sites of this server."),
  );
}

/**
 * @param {string} name
 * @param {Node | string} value
 * @param {Node | string} about
 * @param {boolean} [isBad]
 */
const gauge = (name, value, about, isBad = false) =>
  element(
    "div",
    { class: isBad ? "wrong" : "" },
    element("dt", {}, name),
    element(
      "dd",
      {},
      element("b", { class: "figure" }, value),
      element("span", { class: "soft small" }, typeof about === "string" ? cut(about, 200) : about),
    ),
  );

/** @param {number} events */
function missing(events) {
  if (!events) return "none is missing";
  return events === 1
    ? "1 event is missing, or still on its way"
    : `${count(events)} events are missing, or still on their way`;
}

/**
 * @param {Day[]} days
 * @param {import("../range.js").Range} range
 * @param {AbortSignal} signal
 */
function delivery(days, range, signal) {
  const expected = days.reduce((sum, day) => sum + day.expected, 0);
  const arrived = days.reduce((sum, day) => sum + day.arrived, 0);
  const explained = element(
    "details",
    { class: "explained" },
    element("summary", {}, "How this is known"),
    element(
      "p",
      {},
      "The browser client numbers its events: 1, 2, 3 \u2026 for each device. If 4 arrives after 2, then 3 was made and is missing: it is expected on the day of the event behind the gap. An event that comes late, from a phone that was offline or a tab that was asleep, closes its gap: so the rate of the last days still rises. A new device begins at 1, and so does one whose storage was emptied: that is no gap.",
    ),
    element(
      "p",
      {},
      "Not seen are events that were lost before any later one of the same device came in, and what was never numbered: other clients, and browsers that block the script. What the rate tells is how reliable the way from a page to the store is; no event is counted twice in it.",
    ),
  );
  if (!expected) {
    return element(
      "div",
      {},
      element(
        "p",
        { class: "soft" },
        "No event of this time carries a number. The kit's own browser client sends them.",
      ),
      explained,
    );
  }
  const rates = new Map(days.map((day) => [Date.parse(day.time), day.expected ? day.arrived / day.expected : null]));
  const values = times(range).map((time) => rates.get(time) ?? null);
  const least = Math.min(...values.filter((value) => value !== null));
  const floor = Math.max(0, Math.floor(least * 20 - 0.5) / 20);
  return element(
    "div",
    {},
    element(
      "p",
      { class: "big" },
      element("b", { class: "figure" }, percent(arrived / expected)),
      " of the events that browsers made have arrived",
    ),
    element("p", { class: "soft" }, `${count(arrived)} of ${count(expected)}: ${missing(expected - arrived)}.`),
    chart(
      {
        label: "Delivery rate by day",
        times: times(range),
        interval: "day",
        range: [floor, 1],
        series: [{ name: "Delivered", values, as: "line", words: percent }],
      },
      signal,
    ),
    explained,
  );
}
