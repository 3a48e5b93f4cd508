// What stands in a view's place when there is nothing to show: each says why, and what to do.
import { Failure } from "./api.js";
import { changed, link } from "./address.js";
import { element } from "./element.js";
import { cut } from "./shown.js";

/** @typedef {import("./element.js").Child} Child */

/**
 * @param {string} kind
 * @param {string} title
 * @param {...Child} children
 */
function state(kind, title, ...children) {
  return element("div", { class: "state", "data-state": kind }, element("h2", {}, title), ...children);
}

/**
 * @param {string} title
 * @param {...Child} children
 */
export const empty = (title, ...children) => state("empty", title, ...children);

export function loading() {
  const lines = [1, 2, 3].map(() => element("div", { class: "skeleton", "aria-hidden": true }));
  return element(
    "div",
    { class: "loading", "data-state": "loading", role: "status" },
    element("span", { class: "unseen" }, "Loading"),
    lines,
  );
}

/**
 * @param {unknown} error
 * @param {() => void} again
 */
export function failed(error, again) {
  if (error instanceof Failure && error.status === 403) return forbidden(error);
  const why =
    error instanceof Failure
      ? error.message
      : "This part of the page could not be loaded. If the server has been brought up to date, load the page again.";
  const button = element("button", { type: "button", click: again }, "Try again");
  const whose =
    error instanceof Failure && error.status >= 400 && error.status < 500
      ? "This cannot be shown"
      : "This did not work";
  return state("failed", whose, element("p", {}, cut(why, 400)), button);
}

/** @param {Failure} error */
function forbidden(error) {
  return state(
    "forbidden",
    "Your token may not read this",
    element("p", {}, cut(error.message, 400)),
    element(
      "p",
      {},
      element(
        "a",
        {
          class: "button",
          href: changed({ site: undefined }) === location.hash ? link("overview") : changed({ site: undefined }),
        },
        "Show what it may read",
      ),
    ),
  );
}
