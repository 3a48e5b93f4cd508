import { record } from "./record";
import { user } from "./user";

/** Says that two user ids are one person; without `previousId`, that the present one is. */
export const alias = (userId: string | number, previousId?: string | number): void => {
  record("alias", { userId: userId?.toString(), previousId: String(previousId || user().userId || user().anonymousId) });
};
