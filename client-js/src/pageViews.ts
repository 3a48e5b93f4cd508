import { place } from "./place"; // first: see kit.ts
import { guard } from "./guard";
import { at, record } from "./record";
import { on } from "./settings";
import type { Page } from "./types";

let viewed: Page | undefined;

/** Records a page view at load and at every change of address after it. */
export const pageViews = (loadedAt: number | undefined): void => {
  if (!on("auto", 1)) return;

  // A prerendered page may never be seen. What the page itself calls meanwhile is its own affair.
  if ((document as { prerendering?: boolean }).prerendering) document.addEventListener("prerenderingchange", view);
  else at(loadedAt, view);

  for (const name of ["pushState", "replaceState"] as const) {
    const original = history[name];
    history[name] = (...args) => {
      original.apply(history, args);
      changed();
    };
  }
  addEventListener("popstate", changed); // back, forward, and the hash
  addEventListener("pageshow", (event) => event.persisted && view());
};

const view = guard(() => {
  viewed = place();
  record("page", {});
});

const changed = guard(() => {
  if (viewed && viewed !== place()) view();
});
