import { replay } from "./calls";
import { measureEngagement } from "./engagement";
import { followLife } from "./life";
import { pageViews } from "./pageViews";
import { configure } from "./settings";
import { openStorage } from "./storage";
import type { QueuedCall } from "./types";

/** Starts the client, and makes the calls that were made before it. */
export const start = (options: Parameters<typeof configure>[0], base: string, queued: QueuedCall[]): void => {
  configure(options, base);
  openStorage();
  measureEngagement();
  followLife();
  // The page was there before anything it called: its view comes first, and is not younger.
  pageViews(queued[0]?.[2]);
  queued.forEach(replay);
};
