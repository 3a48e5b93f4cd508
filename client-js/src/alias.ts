import { person } from "./person";
import { record } from "./record";

/** Says that two user ids are one person; without `previousId`, that the present one is. */
export function alias(userId: string | number, previousId?: string | number): void {
  const { userId: present, anonymousId } = person();
  record("alias", { userId: String(userId), previousId: String(previousId || present || anonymousId) });
}
