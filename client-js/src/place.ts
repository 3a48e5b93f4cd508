import { redact } from "./redact";
import { on } from "./settings";
import type { Page } from "./types";

let seen: string | undefined;
let here: Page | undefined;
let moved: (from: Page) => void;

/** Sets what is done when the user has gone on to another page without a load. */
export const onMove = (fn: typeof moved): void => {
  moved = fn;
};

/** Where the user is now; after an in-app change of address, the referrer is the address before. */
export const place = (): Page => {
  // What was seen before: the left side is read first.
  if (seen !== (seen = location.href)) {
    // A hash that is no route can hold secrets (OAuth puts tokens there) and is left out.
    const now = new URL(redact(on("hash") ? seen : seen.split("#")[0]!));
    if (here?.url !== now.href) {
      const from = here;
      here = { url: now.href, path: now.pathname + now.hash, search: now.search, referrer: redact(from?.url || document.referrer) };
      if (from) moved(from);
    }
  }
  return here!;
};
