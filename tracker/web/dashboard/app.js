// The dashboard: who may not read yet is asked for a token, and every address has a view.
import { current } from "./address.js";
import { Failure, sitesOf } from "./api.js";
import { element, find } from "./element.js";
import * as session from "./session.js";
import { mark, shell } from "./shell.js";
import { signIn } from "./signin.js";
import { failed, loading } from "./states.js";
import * as theme from "./theme.js";

/**
 * A view: what it is called, and how it is made of what its address says. What it goes on doing
 * ends with the signal.
 *
 * @typedef {{ title: string, load: (query: Record<string, string>, signal: AbortSignal) => Promise<Node> }} View
 */

let leaving = new AbortController();
let shownView = "";

/** @param {string} [note] */
function askForToken(note) {
  leaving.abort();
  shownView = "";
  document.title = "Sign in · The tracker kit";
  document.body.replaceChildren(signIn(enter, note));
  find(document, "#token").focus();
}

/** @param {string} token */
async function enter(token) {
  session.begin(token, await sitesOf(token));
  await show();
}

function signOut() {
  session.end();
  askForToken();
}

function frame() {
  document.body.replaceChildren(...shell(signOut));
}

async function show() {
  if (!session.token()) {
    // Who is asked already keeps what they have typed, and reads why.
    if (!document.querySelector("#token")) askForToken();
    return;
  }
  leaving.abort();
  leaving = new AbortController();
  const { signal } = leaving;
  const { view: name, query } = current();
  if (!document.querySelector("#main")) frame();
  const main = find(document, "#main");
  mark(name);
  const began = document.activeElement;
  if (name !== shownView) main.replaceChildren(loading());
  main.setAttribute("aria-busy", "true");
  let title = "";
  let content;
  try {
    const view = await load(name);
    title = view.title;
    content = await view.load(query, signal);
  } catch (error) {
    if (signal.aborted) return;
    if (error instanceof Failure && error.status === 401) {
      session.end();
      return askForToken("This token is not known, or no longer: ask for a new one.");
    }
    content = element(
      "div",
      {},
      element("header", { class: "head" }, element("h1", { tabindex: -1 }, title || "Not here")),
      failed(error, show),
    );
  }
  if (signal.aborted) return;
  document.title = `${title || "Not here"} · The tracker kit`;
  const now = document.activeElement;
  const focused = name === shownView ? now?.getAttribute("data-key") : undefined;
  const moved = now !== began && now !== document.body;
  main.replaceChildren(element("div", { "data-view": name }, content));
  main.removeAttribute("aria-busy");
  find(document, "#told").textContent = `${title} is shown`;
  settle(main, name, focused, moved);
}

/**
 * The keyboard stays where it was, or where it has gone while the view was made; else it goes to
 * the new view's heading.
 *
 * @param {HTMLElement} main
 * @param {string} name
 * @param {string | null | undefined} focused
 * @param {boolean} moved
 */
function settle(main, name, focused, moved) {
  const before = focused && main.querySelector(`[data-key="${CSS.escape(focused)}"]`);
  if (before instanceof HTMLElement) before.focus({ preventScroll: true });
  else {
    if (name !== shownView) scrollTo(0, 0);
    if (focused || (name !== shownView && !moved)) find(main, "h1").focus({ preventScroll: true });
  }
  shownView = name;
}

/**
 * @param {string} name
 * @returns {Promise<View>}
 */
async function load(name) {
  if (!/^[a-z]+$/.test(name)) throw new Failure(404, "There is no such view.");
  return import(`./views/${name}.js`);
}

theme.start();
addEventListener("hashchange", show);
show();
