// Compiled, never run: what a page of TypeScript may and may not write.
import { alias, beforeSend, type Event, flush, group, identify, init, type Options, optIn, optOut, page, ready, reset, track, user } from "tracker-kit";
import { auto } from "tracker-kit/auto";
import { errors } from "tracker-kit/errors";
import { vitals } from "tracker-kit/vitals";

const options: Options & { host: string } = { host: "https://events.example", writeKey: "wk", hash: true, redact: "customer,order_.*" };
init(options);
init({ host: "https://events.example", writeKey: "wk", beforeSend: (event: Event) => (event.type === "page" ? null : event) });
const sent: Promise<void> = track("Added to cart", { price: 24, more: { deep: [1, 2] } });
void sent.then(() => flush());
void page();
void page("Pricing");
void page("Shop", "Pricing", { plan: "pro" });
void page({ plan: "pro" });
void identify("user-42", { plan: "pro" });
void identify({ plan: "pro" });
void identify(null, { plan: "pro" });
void group(7);
void alias("new", "old");
void Promise.all([reset(), optOut(), optIn(), ready(() => {}), ready()]);
void beforeSend((event) => {
  event.context.page.title = event.context.page.url.toUpperCase();
  delete event.properties?.secret;
});
const { anonymousId, userId }: { anonymousId: string; userId?: string } = user();
void [anonymousId, userId];
auto(track);
errors(track);
vitals(track);
void window.kit?.track("From a script");

// As frameworks take functions: React's effects may answer a function and nothing else, handlers and Vue's hooks anything.
declare function useEffect(effect: () => void | (() => void)): void;
declare function onMounted(hook: () => unknown): void;
useEffect(() => init({ host: "https://events.example", writeKey: "wk" }));
useEffect(() => {
  identify("user-42");
});
onMounted(() => identify("user-42", { plan: "pro" }));
// @ts-expect-error: a promise is no function
useEffect(() => track("Opened"));

// @ts-expect-error: the module does not know where it came from
init({ writeKey: "wk" });
// @ts-expect-error: an event has a name
void track();
// @ts-expect-error: a name is a text
void track(42);
// @ts-expect-error: properties are an object
void track("Added to cart", "trowel");
// @ts-expect-error: there is no such setting
init({ host: "https://events.example", writeKey: "wk", cookies: true });
// @ts-expect-error: an event's type is one of five
beforeSend((event) => ({ ...event, type: "click" }));
