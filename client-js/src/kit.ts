import { start } from "./start"; // first, as two more elsewhere: so it packs nine bytes smaller
import { guard } from "./guard";
import { calls, replay } from "./calls";
import { configure } from "./settings";
import { openStorage } from "./storage";
import { user } from "./user";

const script = document.currentScript as HTMLScriptElement;

const prepare = () => {
  configure({ ...script.dataset }, script.src);
  openStorage();
};

const begin = guard(() => {
  // The stub's own array becomes the kit, so that who kept a reference to it, or to a call, goes on with the client.
  // Not every `window.kit` is the stub: an element with id="kit" is found there too.
  const kit: any = (window.kit as any)?.splice ? window.kit : [];
  if (kit.user) return; // the tag was pasted twice
  const queued = kit.splice(0);
  window.kit = Object.assign(kit, calls, { user });
  kit.push = replay; // not assigned with them: where arrays' own is frozen, that would throw
  prepare();
  start(queued);
});

// Once the page has been read, in two tasks: together they can be a long one, on a slow phone. The second is set
// first (arguments are evaluated before the call): the client begins also where the settings are wrong.
const soon = () => setTimeout(guard(() => (prepare as any)(setTimeout(begin))));
// At once where the user leaves before that; captured, so that the client's own listeners hear of it, too.
addEventListener("pagehide", begin, true);
if (document.readyState > "k") addEventListener("DOMContentLoaded", soon); // "loading"; not "interactive" nor "complete"
else soon();
