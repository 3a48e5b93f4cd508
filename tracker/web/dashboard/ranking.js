// A list of names with their counts, each of which filters the view.
import { element } from "./element.js";
import { count, percent } from "./format.js";
import { shown } from "./shown.js";

/** @typedef {import("./element.js").Child} Child */
/** @typedef {{ value: string, count: number, href: string, isChosen?: boolean, words?: string }} Row */

/**
 * The rows, behind each of which a bar is its share of the greatest.
 *
 * @param {Row[]} rows
 * @param {string} key of the list, within the page
 * @param {number} [total] of which a row's count is a share
 */
export function ranking(rows, key, total) {
  const most = Math.max(1, ...rows.map((row) => row.count));
  return element(
    "ol",
    {},
    rows.map((row) =>
      element(
        "li",
        {},
        element(
          "a",
          {
            class: "row",
            href: row.href,
            "--share": row.count / most,
            "aria-current": row.isChosen ? "true" : undefined,
            "data-key": `${key} ${row.value}`,
          },
          element("span", { class: "label" }, shown(row.words ?? row.value, 120)),
          element(
            "span",
            { class: "figure" },
            count(row.count),
            total ? element("small", {}, percent(Math.min(1, row.count / total))) : null,
          ),
        ),
      ),
    ),
  );
}
