// One person: who they are, and what they did, session by session.
import { go, link } from "../address.js";
import { Failure, read, remove } from "../api.js";
import { confirmed } from "../confirm.js";
import { element, find } from "../element.js";
import { exported } from "../export.js";
import { more } from "../more.js";
import { outcome, say } from "../outcome.js";
import { userProfile, visitorProfile } from "../profile.js";
import { shown } from "../shown.js";
import { empty } from "../states.js";
import { story } from "../story.js";

export const title = "People";

const SESSIONS = 10;

/** @typedef {{ user_id: string } | { anonymous_id: string }} Who */
/** @typedef {Record<string, any>} Profile */

/**
 * @param {Record<string, string>} query
 * @param {AbortSignal} signal
 */
export async function load({ user, anonymous, find: wanted }, signal) {
  if (wanted) return sought(wanted, signal);
  if (user) return known(user, signal);
  if (anonymous) return visitor(anonymous, signal);
  return page(
    "",
    empty(
      "Whose story?",
      element(
        "p",
        {},
        "Give the user id or the anonymous id of somebody, as your pages send it. ",
        element("a", { href: link("live") }, "Live"),
        " shows who is here now.",
      ),
    ),
  );
}

/**
 * The view, below its search field.
 *
 * @param {string} value
 * @param {...Node} content
 */
function page(value, ...content) {
  const submit = (/** @type {Event} */ event) => {
    event.preventDefault();
    const given = /** @type {HTMLInputElement} */ (find(form, "input")).value;
    if (given) go(link("person", { find: given }));
  };
  const field = element("input", {
    id: "who",
    type: "search",
    value: value.slice(0, 256),
    maxlength: 256,
    required: true,
    autocomplete: "off",
    autocapitalize: "off",
    spellcheck: "false",
    placeholder: "User id or anonymous id",
    "data-key": "who",
  });
  const form = element(
    "form",
    { class: "search", role: "search", submit },
    element("label", { for: "who", class: "unseen" }, "User id or anonymous id"),
    field,
    element("button", {}, "Find"),
  );
  return element(
    "div",
    {},
    element("header", { class: "head" }, element("h1", { tabindex: -1 }, title), form),
    ...content,
  );
}

/**
 * An id is a user's, or else a visitor's.
 *
 * @param {string} id
 * @param {AbortSignal} signal
 */
async function sought(id, signal) {
  const user = await profileOf(id, signal);
  if (user) return person(id, user, signal);
  return visitor(id, signal);
}

/**
 * @param {string} id
 * @param {AbortSignal} signal
 */
async function known(id, signal) {
  const user = await profileOf(id, signal);
  return user ? person(id, user, signal) : nobody(id);
}

/** @param {string} id */
const nobody = (id) =>
  page(
    id,
    empty(
      "Nobody has this id",
      element(
        "p",
        {},
        "No event of ",
        element("strong", {}, shown(id)),
        " is stored: they may have been erased, or not have been here yet. Upper and lower case count.",
      ),
    ),
  );

/**
 * @param {string} id
 * @param {AbortSignal} signal
 * @returns {Promise<Profile | null>}
 */
async function profileOf(id, signal) {
  try {
    return await read(`/v1/users/${encodeURIComponent(id)}`, { bots: "include" }, signal);
  } catch (error) {
    if (error instanceof Failure && error.status === 404) return null;
    throw error;
  }
}

/**
 * @param {string} id
 * @param {Profile} profile
 * @param {AbortSignal} signal
 */
async function person(id, profile, signal) {
  const export_ = element("button", { type: "button", click: () => exported(id, profile, export_) }, "Export");
  const erase = element("button", { type: "button", class: "danger", click: () => erased(id, erase) }, "Erase \u2026");
  return page(
    id,
    element(
      "div",
      { class: "title" },
      element("h2", {}, shown(id)),
      element("div", { class: "choices" }, export_, erase),
    ),
    outcome(),
    element("div", { class: "person" }, userProfile(profile), await sessions({ user_id: id }, signal)),
  );
}

/**
 * @param {string} id
 * @param {AbortSignal} signal
 */
async function visitor(id, signal) {
  const newest = await read("/v1/events", { anonymous_id: id, limit: 1, bots: "include" }, signal);
  if (!newest.data.length) return nobody(id);
  return page(
    id,
    element("div", { class: "title" }, element("h2", {}, "Visitor ", shown(id))),
    element("div", { class: "person" }, visitorProfile(newest.data[0]), await sessions({ anonymous_id: id }, signal)),
  );
}

/**
 * @param {Who} who
 * @param {AbortSignal} signal
 */
async function sessions(who, signal) {
  const list = element("div", { class: "sessions" });
  const section = element("section", { "aria-label": "Sessions" }, list);
  const page = async (/** @type {string} */ cursor) => {
    const { data, next_cursor: next } = await read(
      "/v1/sessions",
      { ...who, limit: SESSIONS, cursor, bots: "include" },
      signal,
    );
    for (const [index, session] of data.entries()) list.append(story(session, who, signal, !cursor && index === 0));
    if (next) section.append(more("Load earlier sessions", () => page(next), signal));
  };
  await page("");
  return section;
}

/**
 * @param {string} id
 * @param {HTMLButtonElement} button
 */
async function erased(id, button) {
  const text = [
    "Events, sessions, profile, devices and failed events of ",
    element("strong", {}, shown(id)),
    " are deleted for good, and what is still on its way of them is not kept. Totals stay: they name nobody.",
  ];
  if (!(await confirmed({ title: "Erase this person?", text, action: "Erase for good", typed: id }))) return;
  button.disabled = true;
  try {
    let answer;
    do {
      say("Erasing \u2026");
      answer = await remove(`/v1/users/${encodeURIComponent(id)}`);
    } while (!answer.done);
    find(document, "[data-view]").replaceChildren(
      page(
        "",
        element(
          "div",
          { class: "state", "data-state": "erased", role: "status" },
          element("h2", {}, "Erased"),
          element("p", {}, element("strong", {}, shown(id)), " and everything that was kept of them is gone."),
        ),
      ),
    );
    find(document, "h1").focus();
  } catch (error) {
    button.disabled = false;
    say(
      error instanceof Failure
        ? `${error.message} Erasing again goes on where it ended.`
        : "It did not work: erase again, it goes on where it ended.",
    );
  }
}
