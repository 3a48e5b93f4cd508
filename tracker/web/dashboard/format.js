import { element } from "./element.js";

// The page is English, so its figures are, wherever it is read.
const LANGUAGE = "en-GB";
const whole = new Intl.NumberFormat(LANGUAGE);
const short = new Intl.NumberFormat(LANGUAGE, { notation: "compact", maximumFractionDigits: 1 });
const days = new Intl.DateTimeFormat(LANGUAGE, { day: "numeric", month: "short", year: "numeric" });
const weekdays = new Intl.DateTimeFormat(LANGUAGE, {
  weekday: "short",
  day: "numeric",
  month: "short",
  year: "numeric",
});
const clock = new Intl.DateTimeFormat(LANGUAGE, { hour: "2-digit", minute: "2-digit" });
const seconds = new Intl.DateTimeFormat(LANGUAGE, { hour: "2-digit", minute: "2-digit", second: "2-digit" });
const utcDay = new Intl.DateTimeFormat(LANGUAGE, { day: "numeric", month: "short", timeZone: "UTC" });
const utcHour = new Intl.DateTimeFormat(LANGUAGE, {
  day: "numeric",
  month: "short",
  hour: "2-digit",
  minute: "2-digit",
  timeZone: "UTC",
});

/** @param {number} value */
export const count = (value) => whole.format(value);

/** @param {number} value */
export const compact = (value) => (value < 100_000 ? whole.format(value) : short.format(value));

/**
 * A number and its noun: `1 event`, `2 events`.
 *
 * @param {number} value
 * @param {string} noun
 */
export const counted = (value, noun) => `${whole.format(value)} ${noun}${value === 1 ? "" : "s"}`;

/**
 * A share of one as a percentage. Nearly all is never told as all, nor hardly anything as nothing.
 *
 * @param {number} share
 */
export function percent(share) {
  const per = share * 100;
  if (per > 0 && per < 0.1) return "< 0.1\u202f%";
  if (per > 99.9 && per < 100) return "> 99.9\u202f%";
  return `${per.toLocaleString(LANGUAGE, { maximumFractionDigits: per < 10 || per > 99 ? 1 : 0 })}\u202f%`;
}

/**
 * A length of time in words that fit a line.
 *
 * @param {number} length in seconds
 */
export function duration(length) {
  if (length < 0.95) return `${Math.round(length * 1000)} ms`;
  if (length < 60) return `${Math.round(length)} s`;
  if (length < 3570) return `${Math.round(length / 60)} min`;
  if (length < 171_000) {
    const minutes = Math.round(length / 60);
    return `${Math.floor(minutes / 60)} h${minutes % 60 ? ` ${minutes % 60} min` : ""}`;
  }
  return `${Math.round(length / 86_400)} days`;
}

/** @param {string} instant ISO 8601 */
export const day = (instant) => moment(instant, days);

/** @param {string} instant ISO 8601 */
export const weekday = (instant) => moment(instant, weekdays);

/** @param {string} instant ISO 8601 */
export const time = (instant) => moment(instant, clock);

/** @param {string} instant ISO 8601 */
export const timeToTheSecond = (instant) => moment(instant, seconds);

/** @param {string} instant ISO 8601 */
export function dayAndTime(instant) {
  const parsed = new Date(instant);
  return stamped(instant, `${days.format(parsed)}, ${clock.format(parsed)}`);
}

/**
 * @param {string} instant
 * @param {Intl.DateTimeFormat} as
 */
const moment = (instant, as) => stamped(instant, as.format(new Date(instant)));

/**
 * @param {string} instant
 * @param {string} words
 */
const stamped = (instant, words) => element("time", { datetime: instant, title: instant }, words);

/**
 * The start of an interval, in UTC as everything that is counted.
 *
 * @param {number} milliseconds
 * @param {"hour" | "day"} interval
 */
export const interval = (milliseconds, interval) => (interval === "hour" ? utcHour : utcDay).format(milliseconds);
