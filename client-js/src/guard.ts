/** `fn`, which never throws into the page whatever happens in it. */
export function guard<A extends unknown[], R>(fn: (...args: A) => R): (...args: A) => R | void {
  return (...args) => {
    try {
      return fn(...args);
    } catch {
      return; // the page must not know
    }
  };
}
