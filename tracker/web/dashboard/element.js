/** @typedef {Node | string | number | null | undefined | false} Child */

/**
 * An element. Children that are not nodes become text: nothing here can become markup.
 *
 * @template {keyof HTMLElementTagNameMap} Name
 * @param {Name} name
 * @param {Record<string, unknown>} [attributes] Functions listen to the event of their name; a name
 *   that begins with `--` is a custom property of the style; true is an attribute without a value.
 * @param {...(Child | Child[])} children
 * @returns {HTMLElementTagNameMap[Name]}
 */
export function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (typeof value === "function") made.addEventListener(key, /** @type {EventListener} */ (value));
    else if (key.startsWith("--")) made.style.setProperty(key, String(value));
    else if (value === true) made.setAttribute(key, "");
    else if (value !== false && value !== null && value !== undefined) made.setAttribute(key, String(value));
  }
  for (const child of children.flat()) {
    if (child !== null && child !== undefined && child !== false)
      made.append(child instanceof Node ? child : String(child));
  }
  return made;
}

/**
 * The first element that a selector finds. It has to be there.
 *
 * @template {HTMLElement} Kind
 * @param {ParentNode} place
 * @param {string} selector
 * @returns {Kind}
 */
export function find(place, selector) {
  const found = place.querySelector(selector);
  if (!found) throw new Error(`there is no ${selector}`);
  return /** @type {Kind} */ (found);
}
