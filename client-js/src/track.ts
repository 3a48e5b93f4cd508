import { record } from "./record";
import type { Properties } from "./types";

/** Something the user did. */
export const track = (event: string, properties?: Properties): void => record("track", { event, properties });
