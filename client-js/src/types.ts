/** Anything JSON can carry. What it cannot (cycles, BigInt, a getter that throws) is left out, never thrown. */
export type Properties = Record<string, unknown>;

export type EventType = "page" | "track" | "identify" | "group" | "alias";

/** The members that differ from one event type to the next. */
export interface Fields {
  event?: string;
  name?: string;
  category?: string;
  userId?: string;
  groupId?: string;
  previousId?: string;
  properties?: Properties;
  traits?: Properties;
}

export interface Page {
  url: string;
  path: string;
  search: string;
  referrer: string;
  title?: string;
}

/** A call as the snippet's stub keeps it until the client has loaded: name, arguments, time of the call. */
export type QueuedCall = [keyof Calls, Iterable<unknown>, number];

/** What a page can call, before (through the stub, `user` excepted) and after the client has loaded. */
export interface Calls {
  /** A page view. Only needed with `data-auto="false"`, or for views that change no address. */
  page(name?: string, properties?: Properties): void;
  page(category: string, name: string, properties?: Properties): void;
  page(properties: Properties): void;
  /** Something the user did. */
  track(event: string, properties?: Properties): void;
  /** Says who the user is; the user id goes with every later event until `reset`. */
  identify(userId?: string | number | null, traits?: Properties): void;
  identify(traits: Properties): void;
  /** Says which group (company, team) the user belongs to. */
  group(groupId: string | number, traits?: Properties): void;
  /** Says that two user ids are one person; without `previousId`, the present one. */
  alias(userId: string | number, previousId?: string | number): void;
  /** Forgets the user, for a log-out: a new anonymous id, a new session, `context.seq` from 1. */
  reset(): void;
  /** Calls `fn` once the client has loaded. */
  ready(fn: () => void): void;
  /** Sends now what waits to be sent. */
  flush(): void;
  /** Who the events are sent for. There only once the client has loaded: use it in `ready`. */
  user(): { anonymousId: string; userId?: string };
}

declare global {
  interface Window {
    kit?: Calls;
  }
}
