import { on } from "./settings";
import { load, names, save } from "./storage";
import { settle } from "./waiting";

const NAME = "kit.out";

/** Whether nothing may be recorded: the user's own choice, else what the site begins with and the browser asks for. */
export const isOut = (): number =>
  // Do Not Track is a text, and not always a number.
  +(load(NAME) ?? (on("optOut") || (on("signals") && ((navigator as any).globalPrivacyControl || (navigator as any).doNotTrack > 0))));

/** Stops recording, in all tabs and for good, and forgets what is not sent and who the user is. */
export const optOut = (): void => {
  for (const name of names("kit.")) save(name);
  save(NAME, "1");
  settle();
};

/** Records from now on. */
export const optIn = (): void => {
  settle(); // what was done until now was not to be recorded
  save(NAME, "0");
};
