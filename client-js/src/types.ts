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

/** An event as it is sent, and as `beforeSend` sees it. */
export interface Event extends Fields {
  type: EventType;
  messageId: string;
  /** When it happened, by the device's clock. */
  originalTimestamp: string;
  anonymousId: string;
  context: {
    page: Page;
    campaign?: Record<string, string>;
    locale: string;
    sessionId?: string;
    /** Counts the events of this anonymous id, so that a gap tells of a loss. */
    seq: number;
    /** Why the visitor looks like a program rather than a person, if they do. */
    bot?: string;
    /** How many events were dropped before this one: too many or too old. */
    dropped?: number;
    library: { name: string; version: string };
    [more: string]: unknown;
  };
}

/**
 * The settings. On the script tag they are attributes: `optOut` is `data-opt-out`, and `data-auto="false"` is off.
 */
export interface Options {
  /** The site's write key. */
  writeKey: string;
  /** The collector's base URL, when it is not where the script came from. The ES module needs it. */
  host?: string;
  /** Page views by themselves, for the load, each change of address, and a return from the browser's back/forward cache.
   * The referrer is the address before, where the page itself has changed it, also with Back; else what the browser says
   * of the document: after Back the referrer it was first reached with. On unless set to false. */
  auto?: boolean;
  /** The address's hash is a route: part of the path, and a change of it is a page view. */
  hash?: boolean;
  /** An event "Page left" tells how long a page was looked at, and how far down. On unless set to false. */
  engagement?: boolean;
  /** Whether the browser's storage is used. With false nothing outlives the page: no ids, no unsent events. */
  storage?: boolean;
  /** Nothing is recorded until `optIn()`. */
  optOut?: boolean;
  /** Who sends Global Privacy Control or Do Not Track is opted out, until `optIn()`. */
  signals?: boolean;
  /** Whether bots' events are sent, marked with `context.bot`. On unless set to false. */
  bots?: boolean;
  /** More query parameters to take out of addresses, with commas between them; each is a regular expression. Those with
   * `token`, `secret`, `passw`, `pwd`, `mail`, `session` or `signature` in their name, those that end with `key`, and
   * `auth`, `code`, `jwt`, `otp` and `sig` are taken out anyway. What is secret in a path is for `beforeSend`. */
  redact?: string;
  /** Explains each decision in the console: what was recorded, dropped or not wanted, what the collector answered, and
   * what has failed. */
  debug?: boolean;
  /** Sees each event before it is sent; may change it, or drop it by answering null or false. */
  beforeSend?: (event: Event) => Event | null | boolean | void;
}

/** A call as the stub keeps it until the client has loaded: name, arguments, time of the call, what keeps its promise. */
export type QueuedCall = [keyof Omit<Calls, "user">, Iterable<unknown>, number, (() => void)?];

/** What a page can call, before (through the stub, `user` excepted) and after the client has loaded. */
export interface Calls {
  /** A page view. Only needed with `data-auto="false"`, or for views that change no address. */
  page(name?: string, properties?: Properties): Promise<void>;
  page(category: string, name: string, properties?: Properties): Promise<void>;
  page(properties: Properties): Promise<void>;
  /** Something the user did. The promise is kept once it is recorded: to wait until it is sent, `flush`. */
  track(event: string, properties?: Properties): Promise<void>;
  /** Says who the user is; the user id goes with every later event until `reset`. */
  identify(userId?: string | number | null, traits?: Properties): Promise<void>;
  identify(traits: Properties): Promise<void>;
  /** Says which group (company, team) the user belongs to. */
  group(groupId: string | number, traits?: Properties): Promise<void>;
  /** Says that two user ids are one person; without `previousId`, the present one. */
  alias(userId: string | number, previousId?: string | number): Promise<void>;
  /** Forgets the user, for a log-out: a new anonymous id, a new session, `context.seq` from 1. */
  reset(): Promise<void>;
  /** Calls `fn` once the client has loaded; the promise is kept then, too. */
  ready(fn?: () => void): Promise<void>;
  /** Sends now what waits to be sent; the promise is kept once the collector has answered, or has failed to. */
  flush(): Promise<void>;
  /** Stops recording, in all tabs and for good, and forgets what is not sent and who the user is. The choice is kept in
   * the browser's storage: a page that clears that clears it, too. */
  optOut(): Promise<void>;
  /** Records from now on, whatever the site begins with and the browser asks for. */
  optIn(): Promise<void>;
  /** Sets what sees each event before it is sent; it may change it, or drop it by answering null or false. */
  beforeSend(fn: Options["beforeSend"]): Promise<void>;
  /** Who the events are sent for. There only once the client has loaded: use it in `ready`. */
  user(): { anonymousId: string; userId?: string };
}

declare global {
  interface Window {
    kit?: Calls;
  }
}
