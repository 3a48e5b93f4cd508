// Of those who came for the first time in a week, how many came again in the weeks after.
import { read } from "../api.js";
import { element } from "../element.js";
import { count, interval } from "../format.js";
import { asked, picker, rangeOf } from "../range.js";
import { empty } from "../states.js";

export const title = "Retention";

const USUAL = { range: "90d" };

/** @typedef {{ week: string, visitors: number, returned: number[] }} Week */

/**
 * @param {Record<string, string>} query
 * @param {AbortSignal} signal
 */
export async function load(query, signal) {
  const given = { ...USUAL, ...query };
  const { data, complete } = await read("/v1/retention", asked(rangeOf(given)), signal);
  const head = element(
    "header",
    { class: "head" },
    element("h1", { tabindex: -1 }, title),
    picker(given),
    element(
      "p",
      {},
      "Each row is the people who were here for the first time in a week, and how many of them came again, week by week. Weeks begin on Monday, in UTC.",
    ),
  );
  if (!data.some((/** @type {Week} */ week) => week.visitors)) {
    return element(
      "div",
      {},
      head,
      empty(
        "Nobody to come back yet",
        element("p", {}, "In this time nobody was here for the first time. Choose a longer one."),
      ),
    );
  }
  return element(
    "div",
    {},
    head,
    table(data),
    complete
      ? null
      : element(
          "p",
          { class: "soft small" },
          "There was not time to look at all events: the latest are not counted. Choose a shorter time.",
        ),
  );
}

/** @param {Week[]} weeks */
function table(weeks) {
  const columns = Math.max(...weeks.map(({ returned }) => returned.length));
  const head = element(
    "tr",
    {},
    element("th", { scope: "col" }, "First week"),
    element("th", { scope: "col" }, "People"),
    Array.from({ length: columns }, (_, week) =>
      element(
        "th",
        { scope: "col" },
        week ? `+${week}` : "0",
        element("span", { class: "unseen" }, week === 1 ? " week" : " weeks"),
      ),
    ),
  );
  const rows = weeks.map((week) =>
    element(
      "tr",
      {},
      element("th", { scope: "row" }, interval(Date.parse(week.week), "day")),
      element("td", {}, count(week.visitors)),
      Array.from({ length: columns }, (_, index) => cell(week, index)),
    ),
  );
  return element(
    "section",
    { class: "panel", "aria-label": "Retention by week" },
    element(
      "div",
      { class: "scroll", tabindex: 0, role: "region", "aria-label": "Table of weeks" },
      element(
        "table",
        { class: "cohorts" },
        element("caption", { class: "unseen" }, "People who came again, by the week in which they came first"),
        element("thead", {}, head),
        element("tbody", {}, rows),
      ),
    ),
  );
}

/**
 * @param {Week} week
 * @param {number} index
 */
function cell({ visitors, returned }, index) {
  const again = returned[index];
  if (again === undefined) return element("td", {});
  const share = visitors ? again / visitors : 0;
  return element(
    "td",
    { class: "cohort", "--share": share, title: `${count(again)} of ${count(visitors)}` },
    visitors ? `${Math.round(share * 100)}\u202f%` : "\u2013",
  );
}
