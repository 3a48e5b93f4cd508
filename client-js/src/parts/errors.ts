import { type Track, trackOfPage } from "./trackOfPage";

const MOST = 10;
const MOST_CHARACTERS = 2000;

/** Records errors that nobody catches: each once, and no more than ten a page. */
export function errors(track: Track = trackOfPage): void {
  const seen = new Set<string>();
  const tell = (error: unknown, more: { source?: string; line?: number; column?: number }) => {
    const { name, message, stack } = error instanceof Error ? error : { name: undefined, message: String(error), stack: undefined };
    const key = `${name} ${message} ${more.source} ${more.line}`;
    if (seen.has(key) || seen.size >= MOST) return;
    seen.add(key);
    track("Uncaught error", { name, message: message.slice(0, MOST_CHARACTERS), stack: stack?.slice(0, MOST_CHARACTERS), ...more });
  };
  addEventListener("error", ({ error, message, filename, lineno, colno }) =>
    tell(error ?? message, { source: filename?.split(/[?#]/)[0], line: lineno, column: colno }),
  );
  addEventListener("unhandledrejection", ({ reason }) => tell(reason, {}));
}
