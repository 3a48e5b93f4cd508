import { isOut } from "./out";
import { person, write } from "./person";

/** Who the next event will be sent for. */
export const user = (): { anonymousId: string; userId?: string } => {
  const now = person();
  return isOut() ? now : write(now); // written, so that a new anonymous id is the one of the next event
};
