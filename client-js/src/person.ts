import { id } from "./id";
import { load, save } from "./storage";

/** Who uses this browser, as all tabs of the site know them. Kept as one text: one read and one write a batch. */
export interface Person {
  anonymousId: string;
  userId?: string;
  sessionId?: string;
  /** Of the newest event, in device time. */
  time?: number;
  /** Of the newest event: counts the events of this anonymous id, so that a gap tells of a loss. */
  seq?: number;
  /** The campaign the session came with. */
  campaign?: string;
  /** Events dropped since it was last told: too many, too old, or refused. */
  dropped?: number;
}

const NAME = "kit.who";

/** The person as of now. */
export const person = (): Person => {
  let kept;
  try {
    // Not `undefined`: a first visitor's parse would throw, and a stack takes longer to make than all the rest here.
    kept = JSON.parse(load(NAME) || "{}");
  } catch {} // not ours
  return { anonymousId: id(), ...kept };
};

/** Keeps `person`, and answers it. */
export const write = <P extends Partial<Person>>(person: P): P => {
  save(NAME, JSON.stringify(person));
  return person;
};
