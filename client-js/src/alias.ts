import { record } from "./record";
import { user } from "./user";

/** Says that two user ids are one person; without `previousId`, that the present one is. */
export const alias = (userId: string | number, previousId?: string | number): void => {
  const present = user();
  record("alias", { userId: String(userId), previousId: String(previousId || present.userId || present.anonymousId) });
};
