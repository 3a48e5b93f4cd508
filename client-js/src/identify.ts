import { person } from "./person";
import { record } from "./record";
import { write } from "./storage";
import type { Properties } from "./types";

/** Says who the user is: `identify(userId?, traits?)`. Without a user id, adds traits to the present user. */
export function identify(userId?: string | number | null | Properties, traits?: Properties): void {
  if (userId && typeof userId === "object") traits = userId;
  else if (userId != null && userId !== "") write({ ...person(), userId: String(userId) });
  record("identify", { traits });
}
