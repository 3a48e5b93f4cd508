// Who is here now: the last five minutes, asked for again every few seconds.
import { link } from "../address.js";
import { Failure, readChanged } from "../api.js";
import { element, find } from "../element.js";
import { count, duration } from "../format.js";
import { shown } from "../shown.js";
import { line } from "../story.js";
import { person } from "../told.js";

export const title = "Live";

const EVERY = 4_000; // milliseconds; most answers are a 304
const LINES = 60;

/** @typedef {{ visitors: Record<string, any>[], events: Record<string, any>[], since: string, complete: boolean }} Live */

/**
 * @param {Record<string, string>} _query
 * @param {AbortSignal} signal
 */
export async function load(_query, signal) {
  const here = element("ul", { class: "here" });
  const events = element("ol", { class: "story stream" });
  const quiet = element("p", { class: "soft" }, "Nothing in the last five minutes.");
  const number = element("b", { class: "figure" });
  const note = element("span", { class: "soft", role: "status" });
  let isPaused = false;
  const pause = element(
    "button",
    { type: "button", "aria-pressed": "false", click: toggle, "data-key": "pause" },
    "Pause",
  );
  const view = element(
    "div",
    { class: "live" },
    element(
      "header",
      { class: "head" },
      element("h1", { tabindex: -1 }, title),
      pause,
      element("p", {}, "What was done in the last five minutes. Bots are left out."),
    ),
    element(
      "section",
      { class: "panel now", "aria-label": "Who is here" },
      element("p", { class: "big" }, number, " ", element("span", { "data-noun": true }), " ", note),
      here,
    ),
    element(
      "section",
      { class: "panel", "aria-label": "Newest events" },
      element("h2", {}, "Newest events"),
      quiet,
      events,
    ),
  );

  /** @type {string | undefined} */
  let etag;
  /** @type {Live["visitors"]} */
  let visitors = [];
  const lines = new Map();

  const first = await readChanged("/v1/live", undefined, signal);
  if (first) show(first);
  setTimeout(again, EVERY);
  return view;

  async function again() {
    if (signal.aborted) return;
    if (!isPaused && document.visibilityState === "visible") {
      try {
        const answer = await readChanged("/v1/live", etag, signal);
        if (answer) show(answer);
        else tellVisitors();
        note.textContent = "";
      } catch (error) {
        if (signal.aborted) return;
        note.textContent = error instanceof Failure ? `${error.message} It is asked again.` : "";
      }
    }
    setTimeout(again, EVERY);
  }

  function toggle() {
    isPaused = !isPaused;
    pause.setAttribute("aria-pressed", String(isPaused));
    pause.textContent = isPaused ? "Go on" : "Pause";
  }

  /** @param {{ body: Live, etag: string | undefined }} answer */
  function show({ body, etag: newest }) {
    etag = newest;
    visitors = body.visitors;
    tellVisitors();
    number.textContent = count(visitors.length) + (body.complete ? "" : "+");
    find(view, "[data-noun]").textContent =
      visitors.length === 1 && body.complete ? "person is here" : "people are here";
    tellEvents(body.events.slice(0, LINES));
  }

  function tellVisitors() {
    const focused =
      document.activeElement instanceof HTMLAnchorElement && here.contains(document.activeElement)
        ? document.activeElement.getAttribute("href")
        : null;
    here.replaceChildren(...visitors.slice(0, LINES).map(visitor));
    if (!visitors.length)
      here.replaceChildren(element("li", { class: "soft" }, "Nobody at the moment. The page looks again by itself."));
    if (focused) /** @type {HTMLElement | null} */ (here.querySelector(`[href="${CSS.escape(focused)}"]`))?.focus();
  }

  /**
   * Lines that stay are moved, not made again, so that an open one stays open.
   *
   * @param {Live["events"]} newest
   */
  function tellEvents(newest) {
    const wanted = new Set(newest.map((event) => event.messageId));
    for (const [id, item] of lines) {
      if (wanted.has(id)) continue;
      item.remove();
      lines.delete(id);
    }
    for (const [index, event] of newest.entries()) {
      if (!lines.has(event.messageId)) lines.set(event.messageId, told(event));
      const item = lines.get(event.messageId);
      if (events.children[index] !== item) events.insertBefore(item, events.children[index] ?? null);
    }
    quiet.hidden = newest.length > 0;
  }
}

/** @param {Record<string, any>} visitor */
function visitor({ userId, anonymousId, path, title: page, lastSeen }) {
  const ago = Math.max(0, (Date.now() - Date.parse(lastSeen)) / 1000);
  return element(
    "li",
    {},
    person({ userId, anonymousId }, link),
    element(
      "span",
      { class: "where" },
      path ? shown(path, 80) : null,
      page ? element("span", { class: "soft" }, " ", shown(page, 60)) : null,
    ),
    element("span", { class: "soft small figure" }, ago < 5 ? "now" : `${duration(ago)} ago`),
  );
}

/** @param {Record<string, any>} event */
function told(event) {
  const item = line(event);
  find(item, ".what").prepend(person(event, link), " ");
  return item;
}
