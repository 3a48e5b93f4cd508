import { write } from "./storage";

/** Forgets the user: the next event has a new anonymous id, a new session and `context.seq` 1. */
export function reset(): void {
  write({});
}
