// The four numbers of a site's use, over a range and over the one before.
import { read, readAll } from "./api.js";
import { queued } from "./queue.js";
import { asked, before, over, times } from "./range.js";

/** @typedef {import("./range.js").Range} Range */
/** @typedef {"visitors" | "page_views" | "sessions" | "events"} Metric */

/**
 * A metric: its total, that of the range before as far as that compares, how it compares, and the
 * values of each interval.
 *
 * @typedef {{ value: number, then: number, change: number | null, now: number[], before: number[] }} Figure
 */

/** @type {Record<Metric, string>} */
export const METRICS = { visitors: "Visitors", page_views: "Page views", sessions: "Sessions", events: "Events" };

/**
 * @param {string | undefined} name
 * @returns {name is Metric}
 */
export const isMetric = (name) => name !== undefined && Object.hasOwn(METRICS, name);

/**
 * @param {Range} range
 * @param {Record<string, string>} where
 * @param {AbortSignal} signal
 * @returns {Promise<Record<Metric, Figure>>}
 */
export async function figures(range, where, signal) {
  const names = /** @type {Metric[]} */ (Object.keys(METRICS));
  const found = await Promise.all(names.map((name) => figure(name, range, where, signal)));
  return /** @type {Record<Metric, Figure>} */ (Object.fromEntries(names.map((name, index) => [name, found[index]])));
}

/**
 * The change compares what is over in both.
 *
 * @param {Metric} metric
 * @param {Range} range
 * @param {Record<string, string>} where
 * @param {AbortSignal} signal
 * @returns {Promise<Figure>}
 */
async function figure(metric, range, where, signal) {
  const [now, then] = await Promise.all([range, before(range)].map((one) => series(metric, one, where, signal)));
  if (!now || !then) throw new Error("both are there");
  const both = { value: now.total, now: now.values, before: then.values };
  if (!comparable(metric, range)) return { ...both, then: then.total, change: null };
  const done = over(range);
  const earlier = sum(then.values.slice(0, done));
  return { ...both, then: earlier, change: compared(sum(now.values.slice(0, done)), earlier) };
}

/**
 * Who comes in two hours counts in both: of a day that is not over, only what can be added up tells
 * how it compares.
 *
 * @param {Metric} metric
 * @param {Range} range
 */
const comparable = (metric, range) => range.interval === "day" || metric === "events" || metric === "page_views";

/**
 * @param {number} now
 * @param {number} then
 */
const compared = (now, then) => (then ? now / then - 1 : null);

/** @param {number[]} values */
const sum = (values) => values.reduce((total, value) => total + value, 0);

/**
 * @param {Metric} metric
 * @param {Range} range
 * @param {Record<string, string>} where
 * @param {AbortSignal} signal
 */
async function series(metric, range, where, signal) {
  const question = { metric, ...asked(range), ...where };
  const [rows, whole] = await Promise.all([
    queued(() => readAll("/v1/stats", { ...question, interval: range.interval }, signal)),
    comparable(metric, range) ? null : queued(() => read("/v1/stats", { ...question, interval: "total" }, signal)),
  ]);
  const counts = new Map(rows.map((row) => [Date.parse(row.time), row.count]));
  const values = times(range).map((time) => counts.get(time) ?? 0);
  return { values, total: whole ? (whole.data[0]?.count ?? 0) : sum(values) };
}
