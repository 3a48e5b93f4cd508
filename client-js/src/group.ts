import { record } from "./record";
import type { Properties } from "./types";

/** Says which group (company, team) the user belongs to. */
export const group = (groupId: string | number, traits?: Properties): void => record("group", { groupId: groupId?.toString(), traits });
