// What came of something that was done, told where the view has a place for it.
import { element, find } from "./element.js";
import { cut } from "./shown.js";

export const outcome = () => element("p", { class: "note", role: "status", id: "outcome", hidden: true });

/** @param {string} words */
export function say(words) {
  const place = find(document, "#outcome");
  place.hidden = false;
  place.textContent = cut(words, 300);
}
