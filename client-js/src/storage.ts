/** Who uses this browser, as all tabs of the site know them. Kept as one text: one read and one write an event. */
export interface Person {
  anonymousId: string;
  userId?: string;
  sessionId?: string;
  /** Of the newest event, in device time. */
  time?: number;
  /** Of the newest event: counts the events of this anonymous id, so that a gap tells of a loss. */
  seq?: number;
}

const KEY = "kit";

// Holds the person while localStorage does not take them: blocked, full, or a sandboxed frame, where even
// reading the property throws. The page's life is then as long as it is kept.
let memory: string | undefined;

/** What is kept; nothing if it cannot be read or is not ours. */
export function read(): Partial<Person> {
  try {
    return { ...JSON.parse(memory || localStorage.getItem(KEY) || "{}") };
  } catch {
    return {};
  }
}

/** Keeps `person`, and answers it. */
export function write<P extends Partial<Person>>(person: P): P {
  memory = JSON.stringify(person);
  try {
    localStorage.setItem(KEY, memory);
    memory = "";
  } catch {}
  return person;
}
