import { write } from "./person";
import { settle } from "./waiting";

/** Forgets the user: the next event has a new anonymous id, a new session and `context.seq` 1. */
export const reset = (): void => {
  settle();
  write({});
};
