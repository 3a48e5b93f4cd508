// What was not accepted: why, what was sent, and sending it through again.
import { changed } from "../address.js";
import { Failure, post, read } from "../api.js";
import { confirmed } from "../confirm.js";
import { element } from "../element.js";
import { count, counted, dayAndTime } from "../format.js";
import { more } from "../more.js";
import { outcome, say } from "../outcome.js";
import { raw, shown } from "../shown.js";
import { empty } from "../states.js";

export const title = "Failed events";

const PAGE = 50;

/** @typedef {Record<string, any>} FailedEvent */
/** @typedef {{ field: string, reason: string, count: number, firstSeen: string, lastSeen: string }} Cause */

/**
 * @param {Record<string, string>} query
 * @param {AbortSignal} signal
 */
export async function load({ field, reason }, signal) {
  const filter = { field, reason };
  const [causes, page] = await Promise.all([
    causesOf(signal),
    read("/v1/failed-events", { ...filter, limit: PAGE }, signal),
  ]);
  const head = element(
    "header",
    { class: "head" },
    element("h1", { tabindex: -1 }, title),
    element(
      "p",
      {},
      "Events that break a rule of the API or of your schemas. Each is kept as it was sent for 30 days, unless your site says otherwise, and can be sent through again once the rule is mended.",
    ),
  );
  if (!causes.rows.length && !page.data.length) {
    return element(
      "div",
      {},
      head,
      empty("Nothing has failed", element("p", {}, "Every event that came in was understood.")),
    );
  }
  const filtered = Boolean(field || reason);
  const replay = element("button", { type: "button", click: () => replayAll(replay) }, "Send all through again \u2026");
  head.append(replay);
  return element(
    "div",
    {},
    head,
    outcome(),
    causePanel(causes, filter),
    filtered
      ? element(
          "p",
          { class: "filters" },
          element(
            "a",
            { class: "chip", href: changed({ field: undefined, reason: undefined }), "data-key": "unfilter" },
            element("span", {}, shown(field, 60), " ", shown(reason, 80)),
            element("span", { "aria-label": "Show all" }, "\u00d7"),
          ),
        )
      : null,
    listed(page, filter, signal),
  );
}

/** @param {AbortSignal} signal */
async function causesOf(signal) {
  const page = await read("/v1/failed-events/counts", {}, signal);
  return { rows: /** @type {Cause[]} */ (page.data), isPart: Boolean(page.next_cursor) };
}

/**
 * @param {{ rows: Cause[], isPart: boolean }} causes
 * @param {{ field?: string, reason?: string }} filter
 */
function causePanel({ rows, isPart }, filter) {
  const most = Math.max(...rows.map((row) => row.count));
  const items = rows.slice(0, 20).map((row) => {
    const here = row.field === filter.field && row.reason === filter.reason;
    const href = changed(here ? { field: undefined, reason: undefined } : { field: row.field, reason: row.reason });
    return element(
      "li",
      {},
      element(
        "a",
        {
          class: "row",
          href,
          "--share": row.count / most,
          "aria-current": here ? "true" : undefined,
          "data-key": `cause ${row.field} ${row.reason}`,
        },
        element(
          "span",
          { class: "label" },
          row.field ? element("code", {}, shown(row.field, 60)) : null,
          " ",
          shown(row.reason, 120),
        ),
        element("span", { class: "figure" }, count(row.count)),
      ),
    );
  });
  return element(
    "section",
    { class: "panel ranking", "aria-label": "Causes" },
    element("h2", {}, "Causes"),
    element("ol", {}, items),
    isPart ? element("p", { class: "soft small" }, "Counted are the newest 10,000 or so.") : null,
  );
}

/**
 * @param {{ data: FailedEvent[], next_cursor: string | null }} page
 * @param {Record<string, string | undefined>} filter
 * @param {AbortSignal} signal
 */
function listed({ data, next_cursor: cursor }, filter, signal) {
  const list = element("ol", { class: "failures" }, data.map(failure));
  const section = element(
    "section",
    { class: "panel", "aria-label": "The events" },
    element("h2", {}, "Newest first"),
    list,
  );
  if (!data.length && !cursor) section.append(element("p", { class: "soft" }, "None is like this any more."));
  continued(cursor);
  return section;

  /** @param {string | null} next */
  function continued(next) {
    if (next) section.append(more("Load more", () => loadNext(next), signal));
  }
  /** @param {string} next */
  async function loadNext(next) {
    const page = await read("/v1/failed-events", { ...filter, limit: PAGE, cursor: next }, signal);
    list.append(...page.data.map(failure));
    continued(page.next_cursor);
  }
}

/** @param {FailedEvent} event */
function failure({ id, receivedAt, userId, anonymousId, messageId, errors, payload }) {
  const whose = userId ?? anonymousId;
  const sent = element(
    "details",
    { toggle: () => sent.open && sent.children.length < 2 && sent.append(raw(pretty(payload), "What was sent")) },
    element("summary", {}, "What was sent"),
  );
  const again = element(
    "button",
    { type: "button", class: "small", click: () => replayOne(id, item, again) },
    "Send again",
  );
  const item = element(
    "li",
    { class: "failure", "data-id": id },
    element(
      "div",
      { class: "meta soft small" },
      dayAndTime(receivedAt),
      whose ? element("span", {}, "of ", shown(whose, 60)) : null,
      messageId ? element("span", { class: "mono" }, shown(messageId, 48)) : null,
    ),
    element(
      "ul",
      { class: "faults" },
      errors.map((/** @type {{ field: string, reason: string }} */ fault) =>
        element(
          "li",
          {},
          fault.field ? element("code", {}, shown(fault.field, 80)) : null,
          " ",
          shown(fault.reason, 200),
        ),
      ),
    ),
    again,
    sent,
  );
  return item;
}

/** @param {string} payload */
function pretty(payload) {
  if (payload.length > 100_000) return payload;
  try {
    return JSON.stringify(JSON.parse(payload), null, 2);
  } catch {
    return payload; // it may be anything: that is why it failed
  }
}

/**
 * @param {string} id
 * @param {HTMLElement} item
 * @param {HTMLButtonElement} button
 */
async function replayOne(id, item, button) {
  button.disabled = true;
  try {
    const { replayed, rejected } = await post("/v1/failed-events/replay", {}, { ids: [id] });
    if (replayed)
      item.replaceChildren(element("p", { class: "good", role: "status" }, "Sent through again: it is an event now."));
    else {
      button.disabled = false;
      const [still] = rejected;
      say(still ? `It is still rejected: ${still.field} ${still.reason}` : "It is not kept any more.");
    }
  } catch (error) {
    button.disabled = false;
    say(error instanceof Failure ? error.message : "That did not work.");
  }
}

/** @param {HTMLButtonElement} button */
async function replayAll(button) {
  const text = [
    "Every failed event of the site is read again by the rules that hold now. What is valid becomes an event, with its own time; the rest stays here.",
  ];
  if (!(await confirmed({ title: "Send all through again?", text, action: "Send through again" }))) return;
  button.disabled = true;
  let sent = 0;
  let stayed = 0;
  try {
    let cursor;
    do {
      const answer = await post("/v1/failed-events/replay", { limit: 1000, cursor });
      sent += answer.replayed;
      stayed += answer.rejected.length;
      cursor = answer.next_cursor;
      say(`${counted(sent, "event")} sent through again \u2026`);
    } while (cursor);
    say(
      `${counted(sent, "event")} sent through again, ${count(stayed)} still rejected. Load the page again to see what is left.`,
    );
  } catch (error) {
    say(
      `${counted(sent, "event")} sent through again, then: ${error instanceof Failure ? error.message : "it did not work."}`,
    );
  }
  button.disabled = false;
}
