import { element } from "./element.js";

/**
 * A button that brings the next page of a list, and goes when that is there.
 *
 * @param {string} words
 * @param {() => Promise<void>} load
 * @param {AbortSignal} signal
 */
export function more(words, load, signal) {
  const button = element("button", { type: "button", click: press }, words);
  return button;

  async function press() {
    button.disabled = true;
    try {
      await load();
      button.remove();
    } catch {
      if (signal.aborted) return;
      button.disabled = false;
      button.textContent = "That did not work: try again";
    }
  }
}
