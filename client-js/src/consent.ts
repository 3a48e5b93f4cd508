import { OUT } from "./out";
import { names, save } from "./storage";
import { settle } from "./waiting";

/** Stops recording, in all tabs and for good, and forgets what is not sent and who the user is. */
export const optOut = (): void => {
  for (const name of names("kit.")) save(name);
  save(OUT, "1");
  settle();
};

/** Records from now on. */
export const optIn = (): void => {
  settle(); // what was done until now was not to be recorded
  save(OUT, "0");
};
