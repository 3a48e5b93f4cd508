let replayed: number | undefined;

/** The device's clock; while a call of the stub is replayed, as it was at the call. */
export function now(): number {
  return replayed || Date.now();
}

/** Runs `fn`, which must not throw, as if it were `time`. */
export function at(time: number | undefined, fn: () => void): void {
  replayed = time;
  fn();
  replayed = 0;
}
