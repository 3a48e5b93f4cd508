import { changed, go, link } from "./address.js";
import { site } from "./api.js";
import { element } from "./element.js";
import { sites } from "./session.js";
import { chooser } from "./theme.js";

const VIEWS = {
  overview: "Overview",
  live: "Live",
  person: "People",
  funnel: "Funnel",
  retention: "Retention",
  failed: "Failed events",
  health: "Health",
};

/**
 * What stands around each view.
 *
 * @param {() => void} signOut
 */
export function shell(signOut) {
  const items = Object.entries(VIEWS).map(([view, title]) =>
    element("li", {}, element("a", { href: link(view), "data-nav": view }, title)),
  );
  const side = element(
    "header",
    { class: "side" },
    element(
      "a",
      { class: "brand", href: link("overview") },
      element("img", { src: new URL("icon.svg", import.meta.url), alt: "" }),
      "Tracker kit",
    ),
    siteChooser(),
    element("nav", { "aria-label": "Views" }, element("ul", {}, items)),
    element(
      "div",
      { class: "foot" },
      chooser(),
      element("button", { type: "button", class: "plain", click: signOut }, "Sign out"),
    ),
  );
  const main = element("main", { id: "main", tabindex: -1 });
  const told = element("p", { id: "told", class: "unseen", role: "status" });
  const skip = element("button", { type: "button", class: "skip", click: () => main.focus() }, "Skip to the view");
  return [skip, element("div", { class: "shell" }, side, main), told];
}

/**
 * Show which view is looked at, and of which site.
 *
 * @param {string} view
 */
export function mark(view) {
  for (const anchor of document.querySelectorAll("[data-nav]")) {
    const name = anchor.getAttribute("data-nav") ?? "";
    anchor.setAttribute("href", link(name));
    if (name === view) anchor.setAttribute("aria-current", "page");
    else anchor.removeAttribute("aria-current");
  }
  const choice = /** @type {HTMLSelectElement | null} */ (document.querySelector("#site"));
  if (choice) choice.value = site() ?? "";
}

/** For who may read several sites. */
function siteChooser() {
  const all = sites();
  if (all.length < 2) return null;
  const options = all.map((name) => element("option", { value: name, selected: name === site() }, name));
  const choose = (/** @type {Event} */ event) =>
    go(changed({ site: /** @type {HTMLSelectElement} */ (event.target).value }));
  return element("label", { class: "site" }, "Site", element("select", { id: "site", change: choose }, options));
}
