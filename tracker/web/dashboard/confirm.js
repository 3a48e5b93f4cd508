import { element, find } from "./element.js";

/**
 * Ask before something is done that cannot be undone.
 *
 * @param {{ title: string, text: (Node | string)[], action: string, typed?: string }} question `typed`
 *   has to be typed before the action can be chosen.
 * @returns {Promise<boolean>}
 */
export function confirmed({ title, text, action, typed }) {
  const yes = element("button", { class: "main", value: "yes", disabled: typed !== undefined }, action);
  const check = (/** @type {Event} */ event) => {
    yes.disabled = /** @type {HTMLInputElement} */ (event.target).value !== typed;
  };
  const dialog = element(
    "dialog",
    { "aria-labelledby": "question" },
    element(
      "form",
      { method: "dialog" },
      element("h2", { id: "question" }, title),
      element("p", {}, text),
      typed === undefined
        ? null
        : element(
            "label",
            {},
            "Type it to confirm",
            element("input", { input: check, autocomplete: "off", spellcheck: "false" }),
          ),
      element(
        "div",
        { class: "choices" },
        element("button", { value: "no", type: "button", click: () => dialog.close("no") }, "Cancel"),
        yes,
      ),
    ),
  );
  document.body.append(dialog);
  dialog.showModal();
  find(dialog, "input, button").focus();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve(dialog.returnValue === "yes");
    });
  });
}
