// What visitors have sent is hostile: it is shown as text, cut, in its own direction, and what would
// be invisible in it is made visible.
import { element } from "./element.js";

const LONGEST = 160;

// Controls, and what changes direction or has no width. Joiners (U+200C, U+200D) belong to scripts
// and emoji; tabs and line ends are white space.
const INVISIBLE =
  /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\u3164\ufeff\uffa0\ufff9-\ufffb]|[\u{e0000}-\u{e007f}]/gu;

/** @param {string} text */
function visible(text) {
  return text.replace(
    INVISIBLE,
    (character) => `\u27e8U+${character.codePointAt(0)?.toString(16).toUpperCase().padStart(4, "0")}\u27e9`,
  );
}

/**
 * A text's beginning, as it may be shown; characters are never cut in two.
 *
 * @param {unknown} value
 * @param {number} [longest]
 */
export function cut(value, longest = LONGEST) {
  const text = typeof value === "string" ? value : (JSON.stringify(value) ?? "");
  if (text.length <= longest) return visible(text);
  const beginning = Array.from(text.slice(0, 2 * longest))
    .slice(0, longest)
    .join("");
  return `${visible(beginning)}\u2026 (${text.length.toLocaleString("en-GB")} characters)`;
}

/**
 * What somebody sent, isolated from the text around it.
 *
 * @param {unknown} value
 * @param {number} [longest]
 */
export function shown(value, longest = LONGEST) {
  if (value === null || value === undefined || value === "")
    return element("bdi", { class: "nothing" }, value === "" ? "(empty)" : "(none)");
  return element("bdi", {}, cut(value, longest));
}

/**
 * A link out of the dashboard, for addresses of the web alone; nothing for any other.
 *
 * @param {unknown} address
 */
export function outward(address) {
  if (typeof address !== "string" || address.length > 2_000 || !URL.canParse(address)) return null;
  const { protocol, href } = new URL(address);
  if (protocol !== "https:" && protocol !== "http:") return null;
  const label = `Open ${cut(address)} in a new tab`;
  return element(
    "a",
    { class: "outward", href, target: "_blank", rel: "noopener noreferrer", "aria-label": label, title: label },
    "\u2197",
  );
}

/**
 * A document as it is kept, for who wants to see all of it.
 *
 * @param {unknown} value
 * @param {string} label
 */
export function raw(value, label) {
  const text = typeof value === "string" ? value : JSON.stringify(value, null, 2);
  return element(
    "pre",
    { class: "raw", tabindex: 0, role: "group", "aria-label": label, dir: "ltr" },
    cut(text, 20_000),
  );
}
