import { left } from "./engagement";
import { redact } from "./redact";
import { on } from "./settings";
import type { Page } from "./types";
import { settle } from "./waiting";

let seen: string | undefined;
let here: Page | undefined;

/** Where the user is now; after an in-app change of address, the referrer is the address before. */
export const place = (): Page => {
  if (seen !== location.href) {
    seen = location.href;
    // A hash that is no route can hold secrets (OAuth puts tokens there) and is left out.
    const { href: url, pathname, hash, search } = new URL(redact(on("hash") ? seen : seen.split("#")[0]!));
    if (here?.url !== url) {
      if (here) {
        left(here);
        settle(); // what was recorded there keeps the title of its own time
      }
      here = { url, path: pathname + hash, search, referrer: here ? here.url : redact(document.referrer) };
    }
  }
  return here!;
};
