import { debug } from "./debug";

/** `fn`, which never throws into the page whatever happens in it: it answers a promise that is never broken. */
export const guard = <A extends unknown[]>(fn: (...args: A) => unknown) => async (...args: A): Promise<any> => {
  try {
    return await fn(...args);
  } catch (error) {
    debug(error); // the page must not know
  }
};
