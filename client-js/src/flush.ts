/** Sends what waits; the promise is kept once the collector has answered, or has failed to. */
export { next as flush } from "./send";
