import { hash } from "./settings";
import type { Page } from "./types";

let url: string | undefined;
let referrer = document.referrer;

/** Where the user is now; after an in-app change of address, the referrer is the address before. */
export function place(): Page {
  // A hash that is no route can hold secrets (OAuth puts tokens there) and is left out.
  const route = hash ? location.hash : "";
  const address = location.href.split("#")[0] + route;
  if (url && url !== address) referrer = url;
  url = address;
  return { url, path: location.pathname + route, search: location.search, referrer };
}
