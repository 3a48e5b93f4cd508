import { person, write } from "./person";
import { record } from "./record";
import type { Properties } from "./types";
import { settle } from "./waiting";

/** Says who the user is: `identify(userId?, traits?)`. Without a user id, adds traits to the present user. */
export const identify = (userId?: string | number | null | Properties, traits?: Properties): void => {
  settle(); // what was done before is the user's of before
  if (typeof userId === "object") traits = userId || traits;
  else if (userId) write({ ...person(), userId: String(userId) });
  record("identify", { traits });
};
