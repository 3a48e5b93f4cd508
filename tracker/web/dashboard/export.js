import { Failure, readAll } from "./api.js";
import { element } from "./element.js";
import { counted } from "./format.js";
import { say } from "./outcome.js";

/**
 * All that is kept of a person, as a file: the same members as `python -m tracker export` writes.
 *
 * @param {string} id
 * @param {Record<string, any>} user
 * @param {HTMLButtonElement} button
 */
export async function exported(id, user, button) {
  button.disabled = true;
  button.textContent = "Exporting \u2026";
  try {
    const who = { user_id: id, order: "asc", bots: "include" };
    const ids = [id, ...user.aliases].map((user_id) => ({ user_id }));
    const failed = new Map();
    for (const of of [...ids, ...user.anonymousIds.map((/** @type {string} */ anonymous_id) => ({ anonymous_id }))]) {
      for (const event of await readAll("/v1/failed-events", of)) failed.set(event.id, event);
    }
    const document_ = {
      user,
      sessions: await readAll("/v1/sessions", who),
      events: await readAll("/v1/events", who),
      failedEvents: [...failed.values()],
    };
    const href = URL.createObjectURL(new Blob([JSON.stringify(document_, null, 1)], { type: "application/json" }));
    element("a", { href, download: `${id.replace(/[^\w.@-]/g, "_").slice(0, 80)}.json` }).click();
    setTimeout(() => URL.revokeObjectURL(href), 60_000);
    say(
      `${counted(document_.events.length, "event")}, ${counted(document_.sessions.length, "session")} and ${counted(failed.size, "failed event")} are in the file.`,
    );
  } catch (error) {
    say(error instanceof Failure ? error.message : "The export did not work.");
  }
  button.disabled = false;
  button.textContent = "Export";
}
