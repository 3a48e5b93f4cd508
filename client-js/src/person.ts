import { id } from "./id";
import { type Person, read, write } from "./storage";

const IDLE_MS = 30 * 60 * 1000;

/** The person as of now. */
export function person(): Person {
  return { anonymousId: id(), ...read() };
}

/** The person as of an event at `time`: counted, and in a new session after an idle half hour. */
export function advance(time: number): Person {
  const next = person();
  // abs: a clock put back must not keep a session open until it has caught up
  if (!(Math.abs(time - next.time!) < IDLE_MS)) next.sessionId = id();
  next.time = time;
  next.seq = (next.seq || 0) + 1;
  return write(next);
}
