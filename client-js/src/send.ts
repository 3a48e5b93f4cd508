import { isOut } from "./consent";
import { debug } from "./debug";
import { guard } from "./guard";
import { drop, keep, pack, type Parcel, parcels, remove } from "./outbox";
import { endpoint } from "./settings";
import { settle } from "./waiting";

const PATIENCE_MS = 20_000;

let underway: Promise<void> | undefined;
let flying: Parcel | undefined;
let timer: ReturnType<typeof setTimeout> | undefined;
/** How many seconds to wait after a failure; 0 after a success, undefined until the collector has answered to this page. */
let backoff: number | undefined;

/** Where a request goes: each try tells when it was sent, by this device's clock, beside a body that stays the same.
 * So the collector tells a wrong clock from a request that was long under way. */
const address = () => `${endpoint}?sentAt=${new Date().toISOString()}`;

const wake = (wait: number): void => {
  clearTimeout(timer);
  timer = setTimeout(next, wait);
};

/** Sends what waits, `wait` ms from now unless it is due already. While the collector is away the retry does it. */
export const schedule = (wait: number): void => {
  if (!backoff && (!timer || !wait)) wake(wait);
};

/** Sends everything at once: the page is going away and will not see what becomes of it. */
export const leave = (): void => {
  settle();
  pack();
  // To a collector that is known to be away nothing goes: the next page sends it. And only one that has
  // answered to this page is trusted with the only copy.
  if (!backoff && navigator.onLine) {
    // A beacon that the browser refuses, its 64 KiB being used up, answers false.
    remove((parcel) => (parcel === flying || (parcel[3] ||= navigator.sendBeacon(address(), parcel[2]))) && backoff === 0);
  }
  keep();
};

/** Sends all there is, one request after the other; the promise is kept when that is done or has failed. */
export const next = (): Promise<void> => {
  timer = clearTimeout(timer) as undefined;
  return (underway ||= send().then(() => (underway = undefined)));
};

const send = guard(async () => {
  do {
    settle();
    pack();
    const parcel = (flying = parcels[0]);
    if (!parcel || isOut()) return;
    keep(Date.now());
    let wait = -1;
    try {
      // A string goes as text/plain: with the key in the body and no header of ours it needs no CORS preflight.
      // A retry does without keepalive: its 64 KiB may be what the first try failed for.
      const { status, headers } = await fetch(address(), { method: "POST", body: parcel[2], keepalive: !backoff, signal: AbortSignal.timeout?.(PATIENCE_MS) });
      debug("sent", status);
      if (/408|429|5../.test("" + status)) wait = +headers.get("retry-after")! || 0;
      else if (status > 399) drop(parcel[1]);
    } catch {
      debug("failed");
      // Chromium also rejects a keepalive request as the page goes, just before pagehide, and delivers it all the
      // same. A task later the page is gone, or it was a failure.
      await new Promise(setTimeout as any);
      wait = 0;
    }
    flying = undefined;
    if (wait < 0) {
      backoff = 0;
      remove((other) => other === parcel);
    } else {
      // Seconds: 1 to 2 after the first failure, 32 to 64 from the sixth on. No more than an hour: longer timers end at once.
      backoff = Math.min(backoff! * 2 || 1, 32);
      wake((Math.max(Math.min(wait, 3600), backoff) + Math.random() * backoff) * 1000);
    }
    keep();
  } while (!backoff && (!timer || parcels[0]));
});
