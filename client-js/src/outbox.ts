import { id } from "./id";
import { person, write } from "./person";
import { settings } from "./settings";
import { load, names, save } from "./storage";

/** When it was made, how many events are in it, the body of its request, made once so that a retry has the same bytes,
 * and whether it has gone as a beacon, of which nobody knows if it arrived. */
export type Parcel = [number, number, string, boolean?];

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
    let count = 0;
    for (let size = 0; size < MOST_CHARACTERS && events[count]; ) size += events[count++]!.length;
    parcels.push([Date.now(), count, `{"writeKey":${JSON.stringify(settings.writeKey)},"batch":[${events.splice(0, count)}]}`]);
  }
};

/** Forgets the parcels that `done` says yes to. */
export const remove = (done: (parcel: Parcel) => unknown): void => {
  parcels = parcels.filter((parcel) => !done(parcel));
};

/** Counts what is lost; the next event tells it. */
export const drop = (count: number): void => {
  const now = person();
  now.dropped = (now.dropped || 0) + count;
  write(now);
};

const others = () => names(KIND).filter((other) => other !== name);

/** Keeps the parcels for the next page, should this one not get to send them; for a while from `lease` on they are this
 * tab's alone. */
export const keep = (lease = 0): void => {
  let room = MOST_KEPT;
  for (const other of others()) room -= load(other)!.length;
  for (; parcels[0]; drop(parcels.shift()![1])) {
    const text = JSON.stringify([lease, ...parcels]);
    if (text.length < room && parcels[0][0] > Date.now() - MOST_MS) return save(name, text);
  }
  save(name);
};

/** Takes over the parcels of tabs that are gone, or that do not send now. */
export const adopt = (): void => {
  for (const other of others()) {
    let lease = 0;
    let theirs: Parcel[] = [];
    try {
      [lease, ...theirs] = JSON.parse(load(other)!);
    } catch {} // not ours, or taken before
    // abs: a clock put back must not keep them away for long
    if (Math.abs(Date.now() - lease) > LEASE_MS) {
      parcels.unshift(...theirs);
      save(other, theirs[0] && TAKEN);
    }
  }
  keep();
};
