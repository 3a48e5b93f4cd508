import { Failure } from "./api.js";
import { element, find } from "./element.js";
import { cut } from "./shown.js";

/**
 * The page that asks for a read token.
 *
 * @param {(token: string) => Promise<void>} enter
 * @param {string} [note] why it asks
 */
export function signIn(enter, note) {
  const wrong = element("p", { class: "wrong", role: "alert", hidden: !note }, note);
  const button = element("button", { class: "main" }, "Show the dashboard");
  const form = element(
    "form",
    { submit },
    element("img", { src: new URL("icon.svg", import.meta.url), alt: "" }),
    element("h1", {}, "What happens on your site"),
    element(
      "p",
      {},
      "Give the read token of your site. It is kept for this tab only, and sent to nobody but the server this page is from.",
    ),
    element(
      "label",
      { for: "token" },
      "Read token",
      element("input", {
        id: "token",
        type: "password",
        autocomplete: "off",
        spellcheck: "false",
        autocapitalize: "off",
        required: true,
      }),
    ),
    wrong,
    button,
    element("p", { class: "small" }, "No token? ", element("code", {}, "python -m tracker token"), " makes one."),
  );

  /** @param {Event} event */
  async function submit(event) {
    event.preventDefault();
    const field = /** @type {HTMLInputElement} */ (find(form, "input"));
    const token = field.value.trim();
    if (!/^[\x21-\x7e]+$/.test(token)) return refuse("A read token has no such characters.");
    button.disabled = true;
    try {
      await enter(token);
    } catch (error) {
      refuse(
        error instanceof Failure && error.status === 401
          ? "This token is not known here."
          : cut(error instanceof Error ? error.message : ""),
      );
    } finally {
      button.disabled = false;
    }
  }

  /** @param {string} why */
  function refuse(why) {
    wrong.hidden = false;
    wrong.textContent = why;
    /** @type {HTMLInputElement} */ (find(form, "input")).select();
  }

  return element("main", { class: "signin" }, form);
}
