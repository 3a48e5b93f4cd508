import { record } from "./record";
import { user } from "./user";

/** Says that two user ids are one person; without `previousId`, that the present one is. */
export const alias = (userId: string | number, previousId?: string | number): void => {
  const now = user();
  record("alias", { userId: String(userId), previousId: String(previousId || now.userId || now.anonymousId) });
};
