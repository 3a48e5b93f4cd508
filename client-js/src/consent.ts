import { clear } from "./outbox";
import { on } from "./settings";
import { load, names, save } from "./storage";
import { forget, settle } from "./waiting";

const NAME = "kit.out";

/** Whether nothing may be recorded: the user's own choice, else what the site begins with and the browser asks for. */
export const isOut = (): number => {
  const browser: any = navigator;
  // Do Not Track is a text, and not always a number.
  return +(load(NAME) ?? (on("optOut") || (on("signals") && (browser.globalPrivacyControl || browser.doNotTrack > 0))));
};

/** Stops recording, in all tabs and for good, and forgets what is not sent and who the user is. */
export const optOut = (): void => {
  forget();
  clear();
  for (const name of names("kit.")) save(name);
  save(NAME, "1");
};

/** Records from now on. */
export const optIn = (): void => {
  settle(); // what was done until now was not to be recorded
  save(NAME, "0");
};
