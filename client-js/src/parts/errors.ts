import { type Track, trackOfPage } from "./trackOfPage";

const MOST = 10;
const MOST_CHARACTERS = 2000;
/** An address with a query, in a message or a stack's line, and what of the line comes after it. */
const WITH_QUERY = /(\w+:\/\/[^\s?#)]*)[?#][^\s)]*?((?::\d+)*(?=[\s)'",]|$))/g;

/** Records errors that nobody catches: each once, and no more than ten a page. */
export function errors(track: Track = trackOfPage): void {
  const seen = new Set<string>();
  // A query may hold secrets.
  const bare = (text?: string) => text?.slice(0, MOST_CHARACTERS).replace(WITH_QUERY, "$1$2");
  const tell = (error: unknown, more: { source?: string; line?: number; column?: number }) => {
    const { name, message, stack } = error instanceof Error ? error : { name: undefined, message: String(error), stack: undefined };
    const key = `${name} ${message} ${more.source} ${more.line}`;
    if (seen.has(key) || seen.size >= MOST) return;
    seen.add(key);
    track("Uncaught error", { name, message: bare(message), stack: bare(stack), ...more });
  };
  addEventListener("error", ({ error, message, filename, lineno, colno }) =>
    tell(error ?? message, { source: filename?.split(/[?#]/)[0], line: lineno, column: colno }),
  );
  addEventListener("unhandledrejection", ({ reason }) => tell(reason, {}));
}
