import { writeKey } from "./settings";

/** An event as JSON, or what will write it when it is wanted. */
type Entry = string | (() => string);

const FULL_EVENTS = 20;
const FULL_CHARACTERS = 30_000;
/** Of events kept while the collector is away. The oldest go first; their `context.seq` shows as a gap. */
const MOST_EVENTS = 2000;

const encoder = new TextEncoder();

let entries: Entry[] = [];
let characters = 0;

/** Queues an event; answers whether there is enough for a request. */
export function add(entry: Entry): boolean {
  entries.push(entry);
  if (entries.length > MOST_EVENTS) entries.shift();
  characters += entry.length; // 0 for what is not written yet
  return entries.length >= FULL_EVENTS || characters >= FULL_CHARACTERS;
}

/** Writes every event down as it is now. */
export function settle(): void {
  entries = entries.map((entry) => (typeof entry === "string" ? entry : entry()));
}

/** Takes the oldest events, as many as fit into `bytes` but at least one, as the body of a request. */
export function take(bytes: number): string | undefined {
  settle();
  characters = 0;
  let count = 0;
  for (const entry of entries as string[]) {
    bytes -= encoder.encode(entry).length;
    if (count && bytes < 0) break;
    count++;
  }
  return count
    ? `{"writeKey":${JSON.stringify(writeKey)},"batch":[${entries.splice(0, count)}]}`
    : undefined;
}
