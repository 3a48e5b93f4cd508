// Light or dark: as the system says, until somebody chooses.
import { element } from "./element.js";

const CHOICES = /** @type {const} */ (["auto", "light", "dark"]);
const KEY = "theme";

/** Told to the document when colours have changed: what is drawn on a canvas has to be drawn anew. */
export const CHANGED = "themechanged";

export function start() {
  apply(localStorage.getItem(KEY) ?? "auto");
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", tell);
}

const tell = () => document.dispatchEvent(new Event(CHANGED));

/** @param {string} choice */
function apply(choice) {
  if (choice === "auto") document.documentElement.removeAttribute("data-theme");
  else document.documentElement.dataset.theme = choice;
  tell();
}

/** The choice, as a row of buttons. */
export function chooser() {
  const chosen = localStorage.getItem(KEY) ?? "auto";
  const options = CHOICES.map((choice) =>
    element(
      "label",
      {},
      element("input", {
        type: "radio",
        name: "theme",
        value: choice,
        checked: choice === chosen,
        change: () => choose(choice),
      }),
      element("span", {}, choice.charAt(0).toUpperCase() + choice.slice(1)),
    ),
  );
  return element("fieldset", { class: "segments" }, element("legend", { class: "unseen" }, "Colours"), options);
}

/** @param {string} choice */
function choose(choice) {
  localStorage.setItem(KEY, choice);
  apply(choice);
}
