// What an event says, as a line that a person reads.
import { element } from "./element.js";
import { cut, outward, shown } from "./shown.js";

/** @typedef {Record<string, any>} Event */

const PAIRS = 6;

/** @param {unknown} value */
const members = (value) =>
  value && typeof value === "object" && !Array.isArray(value) ? /** @type {Record<string, any>} */ (value) : {};

/** @param {Event} event */
const pageOf = (event) => members(members(event.context).page);

/** @param {Event} event */
function pathOf(event) {
  const page = pageOf(event);
  return page.path ?? members(event.properties).path;
}

/**
 * What happened: a verb, and what it was done to.
 *
 * @param {Event} event
 * @returns {(Node | string)[]}
 */
export function what(event) {
  const name = (/** @type {unknown} */ value) => element("strong", {}, shown(value, 100));
  switch (event.type) {
    case "page":
      return ["Looked at ", name(pathOf(event) ?? event.name ?? pageOf(event).title ?? "a page")];
    case "screen":
      return ["Opened ", name(event.name ?? "a screen")];
    case "identify":
      return ["Was recognised as ", name(event.userId ?? event.anonymousId)];
    case "group":
      return ["Joined the group ", name(event.groupId)];
    case "alias":
      return ["Is the same as ", name(event.previousId)];
    default:
      return [name(event.event ?? event.type)];
  }
}

/**
 * What is known beside: the page of an event, the title of a page, properties and traits.
 *
 * @param {Event} event
 */
export function details(event) {
  const parts = [];
  const page = pageOf(event);
  if (event.type === "page" && page.title) parts.push(shown(page.title, 80));
  if (event.type !== "page" && page.path) parts.push(element("span", {}, "on ", shown(page.path, 80)));
  const given = Object.entries({ ...members(event.traits), ...members(event.properties) });
  const own = given.filter(([name, value]) => !(event.type === "page" && page[name] === value));
  for (const [name, value] of own.slice(0, PAIRS)) {
    parts.push(element("span", { class: "pair" }, shown(name, 40), " ", element("b", {}, shown(value, 60))));
  }
  if (own.length > PAIRS) parts.push(`and ${own.length - PAIRS} more`);
  const bot = members(event.context).bot;
  if (bot) parts.push(element("span", { class: "tag" }, "bot: ", shown(bot, 40)));
  return element(
    "span",
    { class: "details" },
    parts.flatMap((part, index) => (index ? [" \u00b7 ", part] : [part])),
    " ",
    event.type === "page" && outward(page.url),
  );
}

/**
 * The colour of an event's mark.
 *
 * @param {Event} event
 */
export const kind = (event) =>
  ({ page: "page", screen: "page", track: "track", identify: "identify" })[String(event.type)] ?? "other";

/**
 * A link to whoever did something.
 *
 * @param {{ userId?: string | null, anonymousId?: string | null }} who
 * @param {(view: string, query: Record<string, string | undefined>) => string} link
 */
export function person(who, link) {
  const name = who.userId ?? who.anonymousId ?? "";
  const query = who.userId ? { user: who.userId } : { anonymous: who.anonymousId ?? undefined };
  return element(
    "a",
    { class: "who", href: link("person", query), title: cut(name) },
    shown(who.userId ?? `Visitor ${String(name).slice(0, 8)}`, 40),
  );
}
