import { left } from "./engagement";
import { guard } from "./guard";
import { adopt, parcels } from "./outbox";
import { backoff, leave, next } from "./send";

/** Sends what waits when the user leaves, and what earlier pages could not send. */
export const followLife = (): void => {
  let gone = 0;
  addEventListener("pagehide", guard(() => {
    gone = 1;
    left();
    leave(gone);
  }));
  // A phone that puts the browser away may fire no more than this. The page may also live on, so this is an
  // ordinary request, whose failure is seen and which is then sent again; a beacon's would not be.
  addEventListener("visibilitychange", guard(() => {
    left();
    // Chromium tells it after pagehide, too; and what others record then, as web vitals, goes as what was before.
    if (!document.hidden) gone = 0;
    else if (gone || backoff) leave(gone);
    else next();
  }));
  addEventListener("online", next);

  // What other tabs have left behind is this one's to send, one tab after the other.
  const take = () => {
    adopt();
    return parcels[0] && next();
  };
  // In a task of its own: what a page has done by now is much already, on a slow phone.
  setTimeout(guard(() => navigator.locks?.request("kit", take) ?? take()));
};
