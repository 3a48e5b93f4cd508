import { debug } from "./debug";
import { guard } from "./guard";
import { body, drop, events, keep, pack, type Parcel, parcels, remove } from "./outbox";
import { endpoint } from "./settings";
import { settle } from "./waiting";

const WAIT_MS = 1000;
const FULL_EVENTS = 20;
const PATIENCE_MS = 20_000;

let underway: Promise<void> | 0;
let flying: Parcel | undefined;
/** How many of the first parcels have gone as beacons, of which nobody knows if they arrived: the next page asks. */
let tried = 0;
let timer: ReturnType<typeof setTimeout> | undefined;
/** How many seconds to wait after a failure; 0 after a success, undefined until the collector has answered to this page. */
export let backoff: number | undefined;

/** Where a request goes: each try tells when it was sent, by this device's clock, beside a body that stays the same.
 * So the collector tells a wrong clock from a request that was long under way. */
const address = () => `${endpoint}?sentAt=${new Date().toISOString()}`;

const wake = (wait: number): void => {
  clearTimeout(timer);
  // In two tasks: together they can be a long one where they run for the first time, on a slow phone.
  timer = setTimeout(guard(() => {
    timer = setTimeout(next);
    settle();
  }), wait);
};

/** Sends what waits, of which `count` are no events yet: soon, or at once when it is much. While the collector is away
 * the retry does it. */
export const schedule = (count: number): void => {
  // The first of a page, which is its view, has the whole time: routers set the title some time after the address.
  // With more than one a timer runs, or `send` has not ended and looks for them.
  if (count + events.length === FULL_EVENTS) backoff ? setTimeout(leave) : wake(0);
  else if (count < 2 && !backoff) wake(WAIT_MS);
};

/** What the collector answers to a parcel; undefined where it cannot be reached. */
const post = guard((parcel: Parcel) =>
  // A string goes as text/plain: with the key in the body and no header of ours it needs no CORS preflight.
  // A retry does without keepalive: its 64 KiB may be what the first try failed for.
  fetch(address(), { method: "POST", body: body(parcel), keepalive: !backoff, signal: AbortSignal.timeout?.(PATIENCE_MS) }),
);

/** Sends everything at once: the page is going away and will not see what becomes of it. */
export const leave = guard((gone?: unknown) => {
  settle();
  pack();
  try {
    // To a collector that is known to be away nothing goes: the next page sends it. And only one that has
    // answered to this page is trusted with the only copy.
    if (gone && !backoff && navigator.onLine) {
      remove(
        (parcel, place) =>
          // What is under way outlives the page, but where fetch has no keepalive (Firefox before 133).
          ((parcel === flying && "keepalive" in Request.prototype) ||
            // A beacon that the browser refuses, its 64 KiB being used up, answers false. Firefox can be set to have
            // none: a request tells too late whether it is refused.
            (place >= tried && (navigator.sendBeacon?.(address(), body(parcel)) ?? void post(parcel)))) &&
          backoff === 0,
      );
      tried = parcels.length;
    }
  } finally {
    keep(); // also where somebody has put a beacon that throws in the browser's place
  }
});

/** Sends all there is, one request after the other; the promise is kept when that is done or has failed. */
export const next = (): Promise<void> => {
  timer = clearTimeout(timer) as undefined;
  return (underway ||= send().finally(() => (underway = 0)));
};

const send = guard(async () => {
  do {
    settle();
    pack();
    const parcel = (flying = parcels[0]);
    if (!parcel) return;
    keep(Date.now());
    const { status, headers }: Partial<Response> = (await post(parcel)) || {};
    debug("answered", status); // undefined: it could not be reached
    // Chromium also rejects a keepalive request as the page goes, just before pagehide, and delivers it all the
    // same. A task later the page is gone, or it was a failure.
    if (!status) await new Promise(setTimeout as any);
    if (!status || /408|429|5../.test(status as unknown as string)) {
      // Seconds: 1 to 2 after the first failure, 32 to 64 from the sixth on. No more than an hour: longer timers end at once.
      backoff = Math.min(backoff! * 2 || 1, 32);
      wake((Math.min(+headers?.get("retry-after")! || backoff, 3600) + Math.random() * backoff) * 1000);
    } else {
      if (status > 399) drop(parcel);
      backoff = tried = 0;
      remove((other) => other === parcel);
    }
    keep();
  } while (!backoff && (!timer || parcels[0]));
});
