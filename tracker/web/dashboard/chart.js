// Charts, drawn by uPlot, which the page loads before the modules.
import { element, find } from "./element.js";
import { compact, count, interval as named } from "./format.js";
import { CHANGED } from "./theme.js";

const { uPlot } = /** @type {any} */ (globalThis);

const HEIGHT = 240;

/**
 * One line or row of bars. Null is no value.
 *
 * @typedef {{ name: string, values: (number | null)[], as: "bars" | "line" | "dashes", words?: (value: number) => string }} Series
 */

/**
 * A chart of values over time, with the same as a table for whoever does not see it.
 *
 * @param {{ label: string, times: number[], interval: "hour" | "day", series: Series[], range?: [number, number] }} content
 *   times in milliseconds; `range` of the values, if not from zero to their greatest
 * @param {AbortSignal} signal
 */
export function chart(content, signal) {
  const canvas = element("div", { class: "canvas", "aria-hidden": true });
  const tip = element("div", { class: "tip", hidden: true, "aria-hidden": true });
  const figure = element(
    "figure",
    { class: "chart", "aria-label": content.label },
    content.series.length > 1 ? legend(content.series) : null,
    element("div", { class: "plot" }, canvas, tip),
    table(content),
  );
  /** @type {any} */
  let plot;
  const draw = () => {
    plot?.destroy();
    tip.hidden = true;
    plot = new uPlot(
      options(content, canvas, tip),
      [content.times.map((time) => time / 1000), ...content.series.map(({ values }) => values)],
      canvas,
    );
  };
  const resize = new ResizeObserver(() => {
    if (!canvas.clientWidth) return;
    if (plot) plot.setSize({ width: canvas.clientWidth, height: HEIGHT });
    else draw();
  });
  resize.observe(canvas);
  document.addEventListener(CHANGED, () => plot && draw(), { signal });
  document.fonts.ready.then(() => !signal.aborted && plot?.redraw());
  signal.addEventListener("abort", () => {
    resize.disconnect();
    plot?.destroy();
  });
  return figure;
}

/** @param {Series[]} series */
const legend = (series) =>
  element(
    "figcaption",
    { class: "legend" },
    series.map(({ name, as }) => element("span", { "data-as": as }, name)),
  );

/**
 * @param {Parameters<typeof chart>[0]} content
 * @param {HTMLElement} canvas
 * @param {HTMLElement} tip
 */
function options({ series, interval, times, range }, canvas, tip) {
  const style = getComputedStyle(document.documentElement);
  const colour = (/** @type {string} */ name) => style.getPropertyValue(`--${name}`).trim();
  const font = `12px ${style.getPropertyValue("--sans")}`;
  const axis = { stroke: colour("soft"), font, ticks: { show: false } };
  const step = (times[1] ?? times[0] ?? 0) - (times[0] ?? 0) || 86_400_000;
  const words = series[0]?.words ?? compact;
  return {
    width: canvas.clientWidth,
    height: HEIGHT,
    padding: [10, 4, 0, 0],
    legend: { show: false },
    tzDate: (/** @type {number} */ time) => uPlot.tzDate(new Date(time * 1000), "Etc/UTC"),
    cursor: { y: false, drag: { x: false, y: false }, points: { show: false } },
    scales: {
      // Half an interval more on each side: that is where the bars are.
      x: {
        range: (/** @type {unknown} */ _, /** @type {number} */ min, /** @type {number} */ max) => [
          min - step / 2000,
          max + step / 2000,
        ],
      },
      y: {
        range:
          range ??
          ((/** @type {unknown} */ _, /** @type {unknown} */ __, /** @type {number | null} */ max) => [
            0,
            Math.max(max ?? 0, 4) * 1.05,
          ]),
      },
    },
    axes: [
      {
        ...axis,
        grid: { show: false },
        space: 64,
        size: 36,
        gap: 8,
        values: (/** @type {unknown} */ _, /** @type {number[]} */ splits) =>
          splits.map((time) => label(time * 1000, interval, times)),
      },
      {
        ...axis,
        size: 48,
        grid: { stroke: colour("line"), width: 1 },
        incrs: range
          ? undefined
          : [1, 2, 5]
              .flatMap((digit) => Array.from({ length: 10 }, (_, power) => digit * 10 ** power))
              .sort((a, b) => a - b),
        values: (/** @type {unknown} */ _, /** @type {number[]} */ splits) => splits.map((value) => words(value)),
      },
    ],
    series: [{}, ...series.map((one) => drawn(one, colour))],
    hooks: { setCursor: [(/** @type {any} */ plot) => point(plot, tip, series, interval, times)] },
  };
}

/**
 * @param {Series} series
 * @param {(name: string) => string} colour
 */
function drawn({ as }, colour) {
  if (as === "bars")
    return {
      fill: colour("fill"),
      stroke: colour("fill"),
      width: 0,
      paths: uPlot.paths.bars({ size: [0.72, 40], radius: 0.12 }),
      points: { show: false },
    };
  const dash = as === "dashes" ? [4, 4] : undefined;
  return {
    stroke: colour(as === "dashes" ? "before" : "accent"),
    width: as === "dashes" ? 1.5 : 2,
    dash,
    points: { show: as === "line", size: 6, fill: colour("panel") },
  };
}

/**
 * The name of a place on the axis. Hours of one day need no date.
 *
 * @param {number} time
 * @param {"hour" | "day"} interval
 * @param {number[]} times
 */
function label(time, interval, times) {
  if (interval === "day") return named(time, "day");
  const isOneDay = times.length <= 24;
  return isOneDay ? new Date(time).toISOString().slice(11, 16) : named(time, "hour");
}

/**
 * What is under the pointer.
 *
 * @param {any} plot
 * @param {HTMLElement} tip
 * @param {Series[]} series
 * @param {"hour" | "day"} interval
 * @param {number[]} times
 */
function point(plot, tip, series, interval, times) {
  const { idx, left } = plot.cursor;
  tip.hidden = idx === null || idx === undefined || left < 0;
  if (tip.hidden) return;
  const rows = series.map(({ name, values, words = count }) => {
    const value = values[idx];
    return element(
      "span",
      {},
      `${name} `,
      element("b", {}, value === null || value === undefined ? "\u2013" : words(value)),
    );
  });
  tip.replaceChildren(element("span", { class: "soft" }, named(times[idx] ?? 0, interval)), ...rows);
  const at = plot.valToPos((times[idx] ?? 0) / 1000, "x") + plot.bbox.left / devicePixelRatio;
  tip.style.setProperty("--at", `${Math.min(Math.max(at, 70), plot.width - 70)}px`);
}

/** @param {Parameters<typeof chart>[0]} content */
function table({ label, times, interval, series }) {
  const build = () => {
    if (find(shown, "div").children.length) return;
    const head = element(
      "tr",
      {},
      element("th", { scope: "col" }, interval === "hour" ? "Hour (UTC)" : "Day (UTC)"),
      series.map(({ name }) => element("th", { scope: "col" }, name)),
    );
    const rows = times.map((time, index) =>
      element(
        "tr",
        {},
        element("th", { scope: "row" }, named(time, interval)),
        series.map(({ values, words = count }) => {
          const value = values[index];
          return element("td", {}, value === null || value === undefined ? "\u2013" : words(value));
        }),
      ),
    );
    find(shown, "div").append(
      element(
        "table",
        {},
        element("caption", { class: "unseen" }, label),
        element("thead", {}, head),
        element("tbody", {}, rows),
      ),
    );
  };
  const shown = element(
    "details",
    { class: "table", toggle: build },
    element("summary", { "data-key": `table ${label}` }, "As a table"),
    element("div", { tabindex: 0, role: "region", "aria-label": `${label}, as a table` }),
  );
  return shown;
}
