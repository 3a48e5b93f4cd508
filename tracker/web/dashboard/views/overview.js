// How much the site is used, and by whom: counts over a range, against the range before.
import { changed, link } from "../address.js";
import { read } from "../api.js";
import { breakdown, DIMENSIONS, filters, spoken } from "../breakdown.js";
import { chart } from "../chart.js";
import { element } from "../element.js";
import { figures, isMetric, METRICS } from "../figures.js";
import { compact, count, percent } from "../format.js";
import { before, picker, rangeOf, times, words } from "../range.js";
import { shown } from "../shown.js";
import { empty } from "../states.js";
import { person } from "../told.js";

export const title = "Overview";

/** @typedef {import("../range.js").Range} Range */
/** @typedef {import("../told.js").Event} Event */
/** @typedef {import("../figures.js").Metric} Metric */
/** @typedef {import("../figures.js").Figure} Figure */

/**
 * @param {Record<string, string>} query
 * @param {AbortSignal} signal
 */
export async function load(query, signal) {
  const metric = isMetric(query.metric) ? query.metric : "visitors";
  const range = rangeOf(query);
  const where = filters(query);
  const all = await figures(range, where, signal);
  const head = element("header", { class: "head" }, element("h1", { tabindex: -1 }, title), picker(query));
  if (Object.values(all).every(({ value, then }) => !value && !then)) {
    return element("div", {}, head, chips(where), await nothing(range, where, signal));
  }
  const view = { metric, range, where, query, total: all[metric].value };
  return element(
    "div",
    {},
    head,
    chips(where),
    element(
      "section",
      { class: "panel numbers", "aria-label": "Numbers" },
      cards(all, metric),
      drawn(all[metric], metric, range, signal),
    ),
    element(
      "div",
      { class: "rankings" },
      Object.keys(DIMENSIONS).map((dimension) => breakdown(dimension, view, signal)),
    ),
  );
}

/**
 * @param {Record<Metric, Figure>} figures
 * @param {Metric} chosen
 */
function cards(figures, chosen) {
  const items = Object.entries(figures).map(([name, { value, then, change }]) =>
    element(
      "a",
      {
        class: "card",
        href: changed({ metric: name === "visitors" ? undefined : name }),
        "aria-current": name === chosen ? "true" : undefined,
        "data-key": `metric ${name}`,
      },
      element("span", { class: "soft" }, METRICS[/** @type {Metric} */ (name)]),
      element("b", { class: "figure", title: count(value) }, compact(value)),
      element(
        "span",
        { class: "soft small" },
        change === null ? null : [direction(change), " "],
        element("span", { class: "unbroken" }, `before ${compact(then)}`),
      ),
    ),
  );
  return element("nav", { class: "cards", "aria-label": "Metrics" }, items);
}

/** @param {number} change */
function direction(change) {
  const isMore = change >= 0;
  const words = `${isMore ? "Up" : "Down"} by ${percent(Math.abs(change))} on the same part of the time before`;
  return element(
    "span",
    { class: isMore ? "good" : "bad", title: words },
    element("span", { "aria-hidden": true }, `${isMore ? "\u2191" : "\u2193"}\u202f${percent(Math.abs(change))}`),
    element("span", { class: "unseen" }, words),
  );
}

/**
 * @param {Figure} figure
 * @param {Metric} metric
 * @param {Range} range
 * @param {AbortSignal} signal
 */
function drawn(figure, metric, range, signal) {
  const name = METRICS[metric];
  return chart(
    {
      label: `${name} by ${range.interval}, ${words(range)}`,
      times: times(range),
      interval: range.interval,
      series: [
        { name: `${name}, ${words(range)}`, values: figure.now, as: "bars" },
        { name: `Before, ${words(before(range))}`, values: figure.before, as: "dashes" },
      ],
    },
    signal,
  );
}

/**
 * What the view is narrowed to; each can be taken away again.
 *
 * @param {Record<string, string>} where
 */
function chips(where) {
  const entries = Object.entries(where);
  if (!entries.length) return null;
  const chip = ([name = "", value = ""]) =>
    element(
      "a",
      { class: "chip", href: changed({ [name]: undefined }), "data-key": `chip ${name}` },
      element("span", {}, `${DIMENSIONS[name]}: `, shown(spoken(name, value), 60)),
      element("span", { role: "img", "aria-label": "Take this filter away" }, "\u00d7"),
    );
  return element("p", { class: "filters" }, entries.map(chip));
}

/**
 * @param {Range} range
 * @param {Record<string, string>} where
 * @param {AbortSignal} signal
 */
async function nothing(range, where, signal) {
  if (Object.keys(where).length) {
    return empty(
      "Nothing is like this",
      element("p", {}, `No event of ${words(range)} has all that is filtered by.`),
      element(
        "a",
        {
          class: "button",
          href: changed(Object.fromEntries(Object.keys(DIMENSIONS).map((name) => [name, undefined]))),
        },
        "Take the filters away",
      ),
    );
  }
  const { data } = await read("/v1/events", { limit: 1 }, signal);
  if (data.length) {
    return empty(
      "Nobody was here then",
      element("p", {}, `No event of ${words(range)} is stored. The newest is of ${data[0].timestamp.slice(0, 10)}.`),
      element(
        "a",
        { class: "button", href: changed({ range: "90d", since: undefined, until: undefined }) },
        "Show 90 days",
      ),
    );
  }
  const bots = await read("/v1/events", { limit: 1, bots: "only" }, signal);
  if (bots.data.length) return onlyBots(bots.data[0]);
  return empty(
    "No event has come in yet",
    element(
      "p",
      {},
      "Paste the script tag into your pages: the start of the server, or of the deployment, has printed it. What visitors do is here a second later. ",
    ),
    element(
      "p",
      {},
      "Sent something already? Then look at the ",
      element("a", { href: link("failed") }, "failed events"),
      " and at the ",
      element("a", { href: link("health") }, "health"),
      " of the queue.",
    ),
  );
}

/** @param {Event} event the newest of theirs */
function onlyBots(event) {
  return empty(
    "Only bots have been here",
    element(
      "p",
      {},
      "What they did is stored, and left out here. A browser that a program drives, as tests do, is one of them. The newest, by reason of \u201c",
      shown(event.context?.bot, 40),
      "\u201d, is ",
      person(event, link),
      ".",
    ),
  );
}
