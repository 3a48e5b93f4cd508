// How many of those who did the first thing went on to the next.
import { changed, go } from "../address.js";
import { read } from "../api.js";
import { element, find } from "../element.js";
import { count, percent } from "../format.js";
import { queued } from "../queue.js";
import { asked, picker, rangeOf } from "../range.js";
import { shown } from "../shown.js";
import { empty } from "../states.js";

export const title = "Funnel";

const MOST = 10;
const WINDOWS = { "1h": "an hour", "1d": "a day", "7d": "7 days", "30d": "30 days" };
const USUAL = { range: "30d", window: "7d" };

/** @typedef {{ step: number, name: string, visitors: number, conversion: number }} Step */

/**
 * @param {Record<string, string>} query
 * @param {AbortSignal} signal
 */
export async function load(query, signal) {
  const given = { ...USUAL, ...query };
  const steps = parsed(query.steps);
  const range = rangeOf(given);
  const head = element("header", { class: "head" }, element("h1", { tabindex: -1 }, title), picker(given));
  const form = asking(steps, given.window, await suggestions(range, signal));
  if (steps.length < 2) {
    return element(
      "div",
      {},
      head,
      form,
      empty(
        "Which way do they go?",
        element(
          "p",
          {},
          "Name two steps or more. A page is named by its path, such as ",
          element("code", {}, "/pricing"),
          "; anything else is the name of an event, such as ",
          element("code", {}, "Order completed"),
          ".",
        ),
      ),
    );
  }
  const answer = await read(
    "/v1/funnels",
    { steps: JSON.stringify(steps), window: given.window, ...asked(range) },
    signal,
  );
  return element("div", {}, head, form, drawn(answer));
}

/**
 * @param {string | undefined} text
 * @returns {string[]}
 */
function parsed(text) {
  try {
    const steps = JSON.parse(text ?? "[]");
    return Array.isArray(steps) ? steps.map(String).slice(0, MOST) : [];
  } catch {
    return [];
  }
}

/**
 * What the site has most of: pages and events.
 *
 * @param {import("../range.js").Range} range
 * @param {AbortSignal} signal
 * @returns {Promise<string[]>}
 */
async function suggestions(range, signal) {
  const lists = await Promise.all(
    ["path", "event"].map((dimension) =>
      queued(() => read("/v1/stats", { ...asked(range), group_by: dimension, interval: "total", limit: 30 }, signal)),
    ),
  );
  return lists
    .flatMap(({ data }, index) =>
      data.map((/** @type {Record<string, string>} */ row) => row[index ? "event" : "path"]),
    )
    .filter((name) => name.length <= 100);
}

/**
 * @param {string[]} steps
 * @param {string} window
 * @param {string[]} names
 */
function asking(steps, window, names) {
  const list = element("ol", { class: "steps" });
  const add = (value = "") => {
    list.append(field(value));
    number();
  };
  const form = element(
    "form",
    { class: "panel asking", submit },
    element(
      "datalist",
      { id: "names" },
      names.map((name) => element("option", { value: name })),
    ),
    list,
    element(
      "div",
      { class: "choices" },
      element(
        "button",
        {
          type: "button",
          class: "small",
          click: () => list.children.length < MOST && (add(), find(list, "li:last-child input").focus()),
        },
        "Add a step",
      ),
      element(
        "label",
        { class: "inline" },
        "All within ",
        element(
          "select",
          { name: "window" },
          Object.entries(WINDOWS).map(([name, words]) =>
            element("option", { value: name, selected: name === window }, words),
          ),
        ),
      ),
      element("button", { class: "main" }, "Show"),
    ),
  );
  for (const step of steps.length < 2 ? [...steps, ...Array(2 - steps.length).fill("")] : steps) add(step);
  return form;

  /** @param {string} value */
  function field(value) {
    const item = element(
      "li",
      {},
      element("input", {
        list: "names",
        value,
        maxlength: 512,
        autocomplete: "off",
        spellcheck: "false",
        placeholder: "/page or Event name",
      }),
      element("button", { type: "button", class: "plain small", click: remove }, "\u00d7"),
    );
    function remove() {
      if (list.children.length > 2) item.remove();
      else /** @type {HTMLInputElement} */ (find(item, "input")).value = "";
      number();
      find(list, "li:last-child input").focus();
    }
    return item;
  }

  function number() {
    for (const [index, item] of [...list.children].entries()) {
      find(item, "input").setAttribute("aria-label", `Step ${index + 1}`);
      find(item, "button").setAttribute("aria-label", `Take step ${index + 1} away`);
    }
  }

  /** @param {Event} event */
  function submit(event) {
    event.preventDefault();
    const values = [...list.querySelectorAll("input")].map((input) => input.value.trim()).filter(Boolean);
    const chosen = /** @type {HTMLSelectElement} */ (find(form, "select")).value;
    go(changed({ steps: JSON.stringify(values), window: chosen === USUAL.window ? undefined : chosen }));
  }
}

/** @param {{ data: Step[], complete: boolean }} answer */
function drawn({ data, complete }) {
  const first = data[0]?.visitors ?? 0;
  if (!first)
    return empty(
      "Nobody took the first step",
      element("p", {}, "Choose a longer time, or look whether the name is spelt as your pages send it."),
    );
  const rows = data.map((step, index) => {
    const before = data[index - 1]?.visitors ?? step.visitors;
    const lost = before - step.visitors;
    return element(
      "li",
      { class: "step" },
      index
        ? element(
            "p",
            { class: "lost soft small" },
            before ? `${percent(step.visitors / before)} go on` : "nobody is left",
            lost ? `, ${count(lost)} do not` : "",
          )
        : null,
      element(
        "div",
        { class: "bar", "--share": step.visitors / first },
        element("span", { class: "label" }, `${step.step}. `, shown(step.name, 100)),
        element(
          "span",
          { class: "figure" },
          element("b", {}, count(step.visitors)),
          element("small", {}, percent(step.visitors / first)),
        ),
      ),
    );
  });
  return element(
    "section",
    { class: "panel", "aria-label": "The funnel" },
    element(
      "div",
      { class: "between" },
      element("h2", {}, "People, step by step"),
      element(
        "span",
        { class: "soft small" },
        `${percent((data.at(-1)?.visitors ?? 0) / first)} of those who begin come to the end`,
      ),
    ),
    element("ol", { class: "funnel" }, rows),
    complete
      ? null
      : element(
          "p",
          { class: "soft small" },
          "There was not time to look at all events: the latest are not counted. Choose a shorter time.",
        ),
  );
}
