import { schedule } from "./send";

/** Sends what waits, as soon as this task is done. */
export function flush(): void {
  schedule(0);
}
