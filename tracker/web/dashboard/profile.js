// Who somebody is, beside what they did.
import { link } from "./address.js";
import { element } from "./element.js";
import { count, counted, day, dayAndTime } from "./format.js";
import { cut, shown } from "./shown.js";

const DEVICES = 5;

/** @typedef {Record<string, any>} Profile */

/**
 * A user, as `/v1/users` tells it.
 *
 * @param {Profile} profile
 */
export function userProfile(profile) {
  const { counts } = profile;
  return element(
    "aside",
    { class: "panel about", "aria-label": "Profile" },
    figures([
      ["events", counts.events],
      ["page views", counts.pageViews],
      ["sessions", counts.sessions],
    ]),
    element(
      "dl",
      { class: "facts" },
      fact("First seen", dayAndTime(profile.firstSeen)),
      fact("Last seen", dayAndTime(profile.lastSeen)),
      profile.aliases.length
        ? fact(
            "Also",
            list(
              profile.aliases.map((/** @type {string} */ alias) =>
                element("a", { href: link("person", { user: alias }) }, shown(alias)),
              ),
            ),
          )
        : null,
    ),
    traits(profile.traits),
    devices(profile.devices, profile.anonymousIds.length),
  );
}

/**
 * Somebody who is known by the anonymous id alone, by their newest event.
 *
 * @param {Record<string, any>} newest
 */
export function visitorProfile({ userId, timestamp, context }) {
  return element(
    "aside",
    { class: "panel about", "aria-label": "Profile" },
    element(
      "dl",
      { class: "facts" },
      fact("Last seen", dayAndTime(timestamp)),
      userId
        ? fact("Is", element("a", { href: link("person", { user: userId }) }, shown(userId)))
        : fact("User id", "not known: nobody has signed in"),
      fact("Device", shown(machine(context ?? {}))),
    ),
  );
}

/** @param {[string, number][]} rows */
const figures = (rows) =>
  element(
    "ul",
    { class: "figures" },
    rows.map(([name, value]) =>
      element(
        "li",
        {},
        element("b", { class: "figure" }, count(value)),
        " ",
        element("span", { class: "soft small" }, name),
      ),
    ),
  );

/**
 * @param {string} name
 * @param {Node | string} value
 */
const fact = (name, value) => element("div", {}, element("dt", {}, name), element("dd", {}, value));

/** @param {Node[]} nodes */
const list = (nodes) =>
  element(
    "span",
    {},
    nodes.flatMap((node, index) => (index ? [", ", node] : [node])),
  );

/** @param {Record<string, unknown>} given */
function traits(given) {
  const rows = Object.entries(given);
  if (!rows.length) return null;
  return element(
    "section",
    {},
    element("h3", {}, "Traits"),
    element(
      "dl",
      { class: "facts" },
      rows.map(([name, value]) =>
        element("div", {}, element("dt", {}, shown(name, 60)), element("dd", {}, shown(value))),
      ),
    ),
  );
}

/**
 * @param {Record<string, any>[]} seen
 * @param {number} all
 */
function devices(seen, all) {
  if (!seen.length) return null;
  const rows = seen
    .slice(0, DEVICES)
    .map((device) =>
      element(
        "li",
        {},
        element(
          "a",
          { href: link("person", { anonymous: device.anonymousId }), title: cut(device.anonymousId) },
          shown(machine(device)),
        ),
        element("span", { class: "soft small" }, counted(device.events, "event"), ", last ", day(device.lastSeen)),
      ),
    );
  return element(
    "section",
    {},
    element("h3", {}, all === 1 ? "Device" : "Devices"),
    element("ul", { class: "devices" }, rows),
    all > rows.length ? element("p", { class: "soft small" }, `and ${count(all - rows.length)} more`) : null,
  );
}

/** @param {Record<string, any>} device */
function machine({ browser, os, device }) {
  return (
    [browser?.name, os?.name && `on ${os.name}`, device?.type && `(${device.type})`].filter(Boolean).join(" ") ||
    "Unknown browser"
  );
}
