// What is counted, broken down by a dimension, each of whose values filters the view.
import { changed } from "./address.js";
import { read } from "./api.js";
import { element } from "./element.js";
import { METRICS } from "./figures.js";
import { queued } from "./queue.js";
import { asked } from "./range.js";
import { ranking } from "./ranking.js";
import { cut } from "./shown.js";

const SHORT = 8;
const LONG = 200;

/** By the names that the API has for them. @type {Record<string, string>} */
export const DIMENSIONS = {
  path: "Pages",
  referrer: "Referrers",
  country: "Countries",
  event: "Events",
  browser: "Browsers",
  os: "Systems",
  device: "Devices",
  campaign: "Campaigns",
};

/**
 * @param {Record<string, string>} query
 * @returns {Record<string, string>}
 */
export const filters = (query) =>
  Object.fromEntries(Object.entries(query).filter(([name]) => Object.hasOwn(DIMENSIONS, name)));

/**
 * One dimension's greatest values.
 *
 * @param {string} dimension
 * @param {{ metric: import("./figures.js").Metric, range: import("./range.js").Range, where: Record<string, string>, query: Record<string, string>, total: number }} view
 * @param {AbortSignal} signal
 */
export function breakdown(dimension, { metric, range, where, query, total }, signal) {
  // Page views have no event's name: what is counted beside them are events.
  const counted = dimension === "event" && metric === "page_views" ? "events" : metric;
  const isLong = query.more === dimension;
  const name = DIMENSIONS[dimension] ?? dimension;
  const body = element("div", { "data-waiting": true }, element("p", { class: "soft" }, "Counting \u2026"));
  const section = element(
    "section",
    { class: "panel ranking", "aria-label": name, "data-dimension": dimension },
    element(
      "div",
      { class: "between" },
      element("h2", {}, name),
      element("span", { class: "soft small" }, METRICS[counted]),
    ),
    body,
  );
  fill();
  return section;

  async function fill() {
    const limit = isLong ? LONG : SHORT;
    try {
      const { data, complete } = await queued(() =>
        read(
          "/v1/stats",
          { metric: counted, ...asked(range), ...where, group_by: dimension, interval: "total", limit: limit + 1 },
          signal,
        ),
      );
      const rows = data.slice(0, limit).map((/** @type {Record<string, any>} */ row) => {
        const value = row[dimension];
        const isChosen = where[dimension] === value;
        return {
          value,
          count: row.count,
          isChosen,
          words: spoken(dimension, value),
          href: changed({ [dimension]: isChosen ? undefined : value, more: undefined }),
        };
      });
      body.replaceChildren(
        rows.length
          ? ranking(rows, dimension, counted === metric ? total : undefined)
          : element("p", { class: "soft" }, "None in this time."),
        ...(data.length > limit || isLong
          ? [
              element(
                "a",
                {
                  class: "small",
                  href: changed({ more: isLong ? undefined : dimension }),
                  "data-key": `more ${dimension}`,
                },
                isLong ? "Show fewer" : "Show more",
              ),
            ]
          : []),
        ...(complete === false
          ? [
              element(
                "p",
                { class: "soft small" },
                "Counted from the newest events on, as far as there was time: choose a shorter time, or fewer filters, for all of them.",
              ),
            ]
          : []),
      );
    } catch (error) {
      if (signal.aborted) return;
      body.replaceChildren(
        element("p", {}, cut(error instanceof Error ? error.message : "")),
        element("button", { type: "button", class: "small", click: fill }, "Try again"),
      );
    }
    body.removeAttribute("data-waiting");
  }
}

const regions = new Intl.DisplayNames("en-GB", { type: "region" });

/**
 * @param {string} dimension
 * @param {string} value
 */
export function spoken(dimension, value) {
  return dimension === "country" && /^[A-Z]{2}$/.test(value) ? (regions.of(value) ?? value) : value;
}
