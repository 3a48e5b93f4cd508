import { onMove } from "./place";
import { record } from "./record";
import { on } from "./settings";
import type { Page } from "./types";
import { settle } from "./waiting";

const LEAST_MS = 1000;

/** Since when the page is looked at; 0 while it is not. */
let since = 0;
let engaged = 0;
let deepest = 0;

/** Starts to measure how long the page is looked at, and how far down. */
export const measureEngagement = (): void => {
  // The page's height is asked for when the user leaves: here it could cost a layout for each step.
  addEventListener("scroll", () => (deepest = Math.max(deepest, scrollY)));
  onMove(left);
  tick();
};

const tick = (): void => {
  const now = performance.now();
  engaged += since && now - since;
  since = document.hidden ? 0 : now;
};

/** Records, for who has looked at a page, that they leave it. Who comes back to it leaves it again. */
export const left = (page?: Page): void => {
  tick();
  if (engaged >= LEAST_MS && on("engagement", 1)) {
    const root = document.documentElement;
    record(
      "track",
      {
        event: "Page left",
        properties: {
          engagedSeconds: Math.round(engaged / 1000),
          scrollDepth: Math.round((100 * (deepest + root.clientHeight)) / root.scrollHeight),
        },
      },
      page,
    );
    engaged = 0;
  }
  if (page) {
    deepest = 0;
    settle(); // what was recorded there keeps the title of its own time
  }
};
