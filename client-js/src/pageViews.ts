import { at } from "./clock";
import { guard } from "./guard";
import { place } from "./place";
import { settle } from "./queue";
import { record } from "./record";
import { auto } from "./settings";

let viewed: string | undefined;

/** Records a page view at load and at every change of address after it. */
export function pageViews(loadedAt: number | undefined): void {
  if (!auto) return;

  // A prerendered page may never be seen. What the page itself calls meanwhile is its own affair.
  if ((document as { prerendering?: boolean }).prerendering) document.addEventListener("prerenderingchange", view);
  else at(loadedAt, view);

  for (const name of ["pushState", "replaceState"] as const) {
    const original = history[name];
    history[name] = function (...args) {
      original.apply(this, args);
      changed();
    };
  }
  addEventListener("popstate", changed); // back, forward, and the hash
  addEventListener("pageshow", (event) => event.persisted && view());
}

const view = guard(() => {
  settle(); // the view before this one keeps the title of its own time
  viewed = place().url;
  record("page", {}, true);
});

const changed = guard(() => {
  if (viewed && viewed !== place().url) view();
});
