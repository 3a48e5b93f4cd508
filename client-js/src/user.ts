import { person } from "./person";
import { write } from "./storage";

/** Who the next event will be sent for. */
export function user(): { anonymousId: string; userId?: string } {
  return write(person()); // written, so that a new anonymous id is the one of the next event
}
