import { pageViews } from "./pageViews"; // first: see kit.ts
import { replay } from "./calls";
import { measureEngagement } from "./engagement";
import { followLife } from "./life";
import type { QueuedCall } from "./types";

/** Starts the client, once it is configured, and makes the calls that were made before it. */
export const start = (queued: QueuedCall[]): void => {
  measureEngagement();
  followLife();
  // The page was there before anything it called: its view comes first, and is not younger.
  pageViews(queued[0]?.[2]);
  queued.forEach(replay);
};
