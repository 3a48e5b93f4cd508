import { guard } from "./guard";
import { leave, next } from "./send";

/** Sends what waits when the user leaves. */
export function onLeave(): void {
  addEventListener("pagehide", guard(leave));
  // A phone that puts the browser away may fire no more than this. The page may also live on, so this is an
  // ordinary request, whose failure is seen and which is then sent again; a beacon's would not be.
  document.addEventListener("visibilitychange", guard(() => document.visibilityState === "hidden" && next()));
}
