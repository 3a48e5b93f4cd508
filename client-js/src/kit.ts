import { calls, replay } from "./calls";
import { guard } from "./guard";
import { start } from "./start";
import { user } from "./user";

const script = document.currentScript as HTMLScriptElement;

const begin = guard(() => {
  // The stub's own array becomes the kit, so that who kept a reference to it, or to a call, goes on with the client.
  // Not every `window.kit` is the stub: an element with id="kit" is found there too.
  const kit: any = (window.kit as any)?.splice ? window.kit : [];
  if (kit.user) return; // the tag was pasted twice
  const queued = kit.splice(0);
  window.kit = Object.assign(kit, calls, { user, push: replay });
  start({ ...script.dataset }, script.src, queued);
});

// Nothing of it runs while the page is still being read.
if (document.readyState === "loading") addEventListener("DOMContentLoaded", begin);
else begin();
