import { id } from "./id";
import { person, write } from "./person";
import { settings } from "./settings";
import { load, names, save } from "./storage";

/** When it was made, how many events are in it, and the body of its request, made once so that a retry has the same
 * bytes. One text, as it is kept: what a page has done to JSON (Prototype.js, toJSON) cannot harm it. */
export type Parcel = string;

// Chromium, as the Fetch standard (HTTP-network-or-cache fetch, step 8.10), refuses more than 64 KiB of
// keepalive bodies in flight, beacons included. Of small ones more get through when the user leaves, and one that
// is all of three-byte characters still does.
const MOST_CHARACTERS = 12_000;
/** Of all tabs together: a small part of the 5 million that a site may store. */
const MOST_KEPT = 500_000;
const MOST_MS = 7 * 24 * 3600 * 1000;
/** No other tab takes the parcels of a tab that is sending: longer than `send` waits for an answer. */
const LEASE_MS = 30_000;

const KIND = "kit.q";
/** What a tab finds in place of its parcels when another has taken them. */
const TAKEN = "0";
const name = KIND + id();

/** Events as JSON that are in no parcel yet. */
export let events: string[] = [];
export let parcels: Parcel[] = [];

/** Forgets everything. */
export const clear = (): void => {
  events = [];
  parcels = [];
};

/** Makes parcels of all events. */
export const pack = (): void => {
  // Another tab may have taken what was there.
  if (load(name) === TAKEN) parcels = [];
  while (events[0]) {
    let count = 1; // at the least; what is too large goes alone, so that no others are refused with it
    for (let size = events[0]!.length; (size += events[count]?.length as number) < MOST_CHARACTERS; ) count++;
    parcels.push(`${Date.now()} ${count} {"writeKey":${JSON.stringify(settings.writeKey)},"batch":[${events.splice(0, count)}]}`);
  }
};

/** The body of a parcel's request. */
export const body = (parcel: Parcel): string => parcel.slice(parcel.indexOf("{"));

/** Forgets the parcels that `done` says yes to. */
export const remove = (done: (parcel: Parcel, place: number) => unknown): void => {
  parcels = parcels.filter((parcel, place) => !done(parcel, place));
};

/** Counts what is lost; the next event tells it. */
export const drop = (parcel: Parcel): void => {
  const now = person();
  now.dropped = ~~(now.dropped as number) + +parcel.split(" ")[1]!;
  write(now);
};

const others = () => names(KIND).filter((other) => other !== name);

/** Keeps the parcels for the next page, should this one not get to send them; for a while from `lease` on they are this
 * tab's alone. The newest, as far as there is room. */
export const keep = (lease?: number): void => {
  let room = MOST_KEPT;
  for (const other of others()) room -= load(other)!.length;
  parcels = parcels.reverse().filter((parcel) => (parseInt(parcel) > Date.now() - MOST_MS && parcel.length < room && (room -= parcel.length)) || drop(parcel)).reverse();
  save(name, parcels[0] && [lease, ...parcels].join("\n"));
};

/** Takes over the parcels of tabs that are gone, or that do not send now. */
export const adopt = (): void => {
  for (const other of others()) {
    const [lease, ...theirs] = load(other)!.split("\n");
    // abs: a clock put back must not keep them away for long; not: nor what is no number, and none of ours
    if (!(Math.abs(Date.now() - +lease!) < LEASE_MS)) {
      parcels.unshift(...theirs);
      save(other, theirs[0] && TAKEN);
    }
  }
  keep();
};
