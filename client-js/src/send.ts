import { take } from "./queue";
import { endpoint } from "./settings";

// Chromium, as the Fetch standard (HTTP-network-or-cache fetch, step 8.10), refuses more than 64 KiB of
// keepalive bodies in flight, beacons included. One request at a time stays under it.
const MOST_BYTES = 60_000;
// On leaving, all go at once beside what is in flight: small ones use up what is left of the 64 KiB.
const PART_BYTES = 15_000;

/** Bodies of requests, made once, so that a retry has the same bytes. The first is the one being sent. */
let outbox: string[] = [];
let sending = false;
let timer = 0;
/** Requests that failed since the last that did not. */
let failures = 0;

/** Where a request goes: each try tells when it was sent, by this device's clock, beside a body that stays the same.
 * So the collector tells a wrong clock from a request that was long under way. */
function address(): string {
  return `${endpoint}?sentAt=${new Date().toISOString()}`;
}

/** Sends what waits, `wait` ms from now unless it is due already. While the collector is away the retry does it. */
export function schedule(wait: number): void {
  if (!failures && (!timer || !wait)) wake(wait);
}

/** Sends everything at once: the page is going away and will not see what becomes of it. */
export function leave(): void {
  for (let body; (body = take(PART_BYTES)); ) outbox.push(body);
  // A retry in flight is no keepalive request (see `next`) and goes again: the message ids make that safe.
  // A beacon that the browser refuses, its 64 KiB being used up, answers false.
  outbox = outbox.filter((body, place) => (sending && !place && !failures) || !navigator.sendBeacon?.(address(), body));
  next();
}

/** Sends the next request, if none is in flight. */
export async function next(): Promise<void> {
  clearTimeout(timer);
  timer = 0;
  if (sending) return;
  const body = outbox[0] || take(MOST_BYTES);
  if (!body) return;
  outbox[0] = body;
  sending = true;
  let retryAfter: number | undefined;
  try {
    // A string goes as text/plain: with the key in the body and no header of ours it needs no CORS preflight.
    // A retry does without keepalive: its 64 KiB may be what the first try failed for.
    const { status, headers } = await fetch(address(), { method: "POST", body, keepalive: !failures, credentials: "omit" });
    if (status === 429 || status > 499) retryAfter = +headers.get("retry-after")! || 0;
  } catch {
    // Chromium also rejects a keepalive request as the page goes, just before pagehide, and delivers it all the
    // same. A task later the page is gone, or it was a failure.
    await new Promise((done) => setTimeout(done));
    retryAfter = 0;
  }
  sending = false;
  if (retryAfter === undefined) {
    failures = 0;
    outbox = outbox.filter((other) => other !== body);
    if (!timer || outbox.length) next();
  } else {
    // Seconds: 1 to 2 after the first failure, 32 to 64 from the sixth on.
    wake(Math.max(retryAfter, (1 + Math.random()) * 2 ** Math.min(failures++, 5)) * 1000);
  }
}

function wake(wait: number): void {
  clearTimeout(timer);
  timer = setTimeout(next, wait);
}
