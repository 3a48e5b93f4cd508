// The time that is looked at, in whole days of UTC as they are counted, and the one before it.
import { changed, go } from "./address.js";
import { element, find } from "./element.js";
import { interval as named } from "./format.js";

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const HOURS_UP_TO = 2; // days: longer ranges are shown by day
const LONGEST = 800; // days

/** @type {Record<string, { words: string, days: number }>} */
const PRESETS = {
  today: { words: "Today", days: 1 },
  "7d": { words: "7 days", days: 7 },
  "30d": { words: "30 days", days: 30 },
  "90d": { words: "90 days", days: 90 },
};
const USUAL = "7d";

/**
 * A range, in milliseconds: from `since` to before `until`.
 *
 * @typedef {{ since: number, until: number, interval: "hour" | "day" }} Range
 */

/**
 * The range that an address says.
 *
 * @param {Record<string, string>} query `range`, or the first and last day as `since` and `until`
 * @param {number} [now]
 * @returns {Range}
 */
export function rangeOf({ range, since, until }, now = Date.now()) {
  const tomorrow = midnight(now) + DAY;
  const first = since ? Date.parse(`${since}T00:00:00Z`) : NaN;
  if (!Number.isNaN(first)) {
    const last = until ? Date.parse(`${until}T00:00:00Z`) : NaN;
    const end = Math.max(Number.isNaN(last) ? tomorrow : last + DAY, first + DAY);
    return made(first, Math.min(end, first + LONGEST * DAY));
  }
  const days = (PRESETS[range ?? USUAL] ?? PRESETS[USUAL])?.days ?? 7;
  return made(tomorrow - days * DAY, tomorrow);
}

/**
 * The range of the same length before.
 *
 * @param {Range} range
 * @returns {Range}
 */
export const before = ({ since, until, interval }) => ({ since: since - (until - since), until: since, interval });

/** @param {number} time */
const midnight = (time) => time - (time % DAY);

/**
 * @param {number} since
 * @param {number} until
 * @returns {Range}
 */
const made = (since, until) => ({ since, until, interval: until - since <= HOURS_UP_TO * DAY ? "hour" : "day" });

/**
 * The starts of a range's intervals.
 *
 * @param {Range} range
 */
export function times({ since, until, interval }) {
  const length = interval === "hour" ? HOUR : DAY;
  return Array.from({ length: Math.round((until - since) / length) }, (_, index) => since + index * length);
}

/**
 * How many of a range's intervals are over: what is not is still being counted.
 *
 * @param {Range} range
 * @param {number} [now]
 */
export function over({ since, until, interval }, now = Date.now()) {
  return Math.floor((Math.min(now, until) - since) / (interval === "hour" ? HOUR : DAY));
}

/**
 * As parameters of the API.
 *
 * @param {Range} range
 */
export const asked = ({ since, until }) => ({ since: iso(since), until: iso(until) });

/** @param {number} time */
const iso = (time) => new Date(time).toISOString().replace(".000Z", "Z");

/** @param {number} time */
const date = (time) => iso(time).slice(0, 10);

/**
 * In words: `19 Nov – 25 Nov`.
 *
 * @param {Range} range
 */
export function words({ since, until }) {
  const [first, last] = [named(since, "day"), named(until - DAY, "day")];
  return first === last ? first : `${first} \u2013 ${last}`;
}

/**
 * The choice of a range, as the state of the address.
 *
 * @param {Record<string, string>} query
 */
export function picker(query) {
  const range = rangeOf(query);
  const chosen = query.since ? undefined : (query.range ?? USUAL);
  const links = Object.entries(PRESETS).map(([name, { words }]) =>
    element(
      "a",
      {
        href: changed({ range: name, since: undefined, until: undefined }),
        "aria-current": name === chosen ? "true" : undefined,
        "data-key": `range ${name}`,
      },
      words,
    ),
  );
  const form = element(
    "form",
    { class: "panel dates", submit },
    element(
      "label",
      {},
      "From",
      element("input", { type: "date", name: "since", required: true, value: date(range.since) }),
    ),
    element(
      "label",
      {},
      "To",
      element("input", { type: "date", name: "until", required: true, value: date(range.until - DAY) }),
    ),
    element("button", { class: "main" }, "Show"),
  );
  /** @param {Event} event */
  function submit(event) {
    event.preventDefault();
    const value = (/** @type {string} */ name) => /** @type {HTMLInputElement} */ (find(form, `[name=${name}]`)).value;
    const [since, until] = [value("since"), value("until")].sort();
    go(changed({ range: undefined, since, until }));
  }
  const custom = element(
    "details",
    { class: "custom", keydown: (/** @type {KeyboardEvent} */ event) => event.key === "Escape" && close() },
    element("summary", { class: chosen ? "" : "chosen", "data-key": "range custom" }, chosen ? "Other" : words(range)),
    form,
  );
  function close() {
    custom.open = false;
    find(custom, "summary").focus();
  }
  return element(
    "div",
    { class: "picker" },
    element("nav", { class: "segments", "aria-label": "Time" }, links),
    custom,
  );
}
