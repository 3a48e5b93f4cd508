import { type Track, trackOfPage } from "./trackOfPage";

const FILES = /\.(7z|avi|csv|dmg|docx?|epub|exe|gz|ics|mov|mp[34]|pdf|pkg|pptx?|rar|rtf|svgz|tar|tgz|txt|wav|xlsx?|xml|zip)$/i;

/**
 * Records outbound links, downloads, submitted forms (which, never what is in them), and clicks on elements with a
 * `data-track` attribute: `<button data-track="Added to cart" data-track-product="Trowel">`. A click is never delayed.
 */
export function auto(track: Track = trackOfPage): void {
  const clicked = (event: MouseEvent) => {
    // Of an element in a shadow tree, `target` is the host.
    const path = event.composedPath().filter((part) => part instanceof Element);
    const marked = path.find((part) => part instanceof HTMLElement && part.dataset.track) as HTMLElement | undefined;
    const link = path.find((part) => part instanceof HTMLAnchorElement || part instanceof HTMLAreaElement) as HTMLAnchorElement | undefined;
    if (marked && event.type === "click") track(marked.dataset.track!, properties(marked));
    if (!link?.href || !/^https?:$/.test(link.protocol)) return;
    const url = link.origin + link.pathname; // a query may hold secrets
    const [, extension] = FILES.exec(link.pathname) || [];
    if (extension || link.hasAttribute("download")) track("File downloaded", { url, extension });
    else if (link.host !== location.host) track("Outbound link clicked", { url });
  };
  addEventListener("click", clicked, true);
  addEventListener("auxclick", (event) => event.button === 1 && clicked(event), true); // in a new tab
  addEventListener(
    "submit",
    ({ target: form }) => {
      if (!(form instanceof HTMLFormElement)) return;
      // By attribute: a field called "id" or "action" hides the form's own.
      const { origin, pathname } = new URL(form.getAttribute("action") || "", location.href);
      track("Form submitted", { id: form.getAttribute("id"), name: form.getAttribute("name"), url: origin + pathname });
    },
    true,
  );
}

/** What `data-track-plan="pro"` says: `{ plan: "pro" }`. */
function properties({ dataset }: HTMLElement): Record<string, string | undefined> {
  const found: Record<string, string | undefined> = {};
  for (const name in dataset) {
    const rest = /^track([A-Z])(.*)/.exec(name);
    if (rest) found[rest[1]!.toLowerCase() + rest[2]] = dataset[name];
  }
  return found;
}
