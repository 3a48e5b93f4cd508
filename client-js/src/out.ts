import { on } from "./settings";
import { load } from "./storage";

export const OUT = "kit.out";

/** Whether nothing may be recorded: the user's own choice, else what the site begins with and the browser asks for. */
export const isOut = (): number =>
  // Do Not Track is a text, and not always a number.
  +(load(OUT) ?? (on("optOut") || (on("signals") && ((navigator as any).globalPrivacyControl || (navigator as any).doNotTrack > 0))));
