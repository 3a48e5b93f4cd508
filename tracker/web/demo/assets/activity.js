// "What the server knows about you": reads this browser's events back once a second and tells them as a story.
// Everything an event holds is shown as text: what users send is never markup.
const panel = document.querySelector("[data-activity]");
const base = panel.dataset.base;
const story = panel.querySelector(".story");
const blank = panel.querySelector(".blank");
const status = panel.querySelector(".status");
const rows = new Map(); // by message id
let following; // the anonymous id

const MARKS = { page: "◉", screen: "◉", track: "✦", identify: "☺", group: "⚑", alias: "⇄" };
const element = (name, className, text) => {
  const made = document.createElement(name);
  made.className = className;
  made.textContent = text;
  return made;
};
const text = (value) => (value === undefined || value === null ? "" : String(value));
const pairs = (object) => Object.entries(object || {}).map(([name, value]) => `${name} ${typeof value === "object" ? JSON.stringify(value) : value}`).join(", ");

function what(event) {
  switch (event.type) {
    case "page": return `Saw ${text(event.name) || text(event.context?.page?.title) || "a page"}`;
    case "track": return text(event.event);
    case "identify": return `Is ${text(event.userId) || "somebody"}`;
    case "group": return `Belongs to ${text(event.groupId)}`;
    case "alias": return `Is also ${text(event.previousId)}`;
    default: return text(event.type);
  }
}

function where(event) {
  const { path = "", search = "" } = event.context?.page || {};
  const details = pairs(event.properties) || pairs(event.traits);
  const took = Date.parse(event.receivedAt) - Date.parse(event.originalTimestamp || event.timestamp);
  // Two clocks are compared: between machines the difference can be nonsense, and is then left out.
  const stored = took >= 0 && took < 60_000 ? `stored ${took < 1000 ? `${took} ms` : `${(took / 1000).toFixed(1)} s`} after it happened` : "stored";
  const { bot } = event.context || {};
  const taken = typeof bot === "string" && bot ? `taken for a bot (${bot})` : "";
  return [details, text(path) + text(search), stored, taken].filter(Boolean).join(" · ");
}

function row(event) {
  const item = document.createElement("li");
  item.dataset.test = "activity-row";
  item.dataset.type = event.type;
  item.dataset.event = what(event);
  const details = document.createElement("details");
  const summary = document.createElement("summary");
  const mark = element("span", "mark", MARKS[event.type] || "•");
  mark.dataset.type = event.type;
  mark.setAttribute("aria-hidden", "true");
  const happened = new Date(event.timestamp);
  const time = element("time", "", happened.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", second: "2-digit" }));
  time.dateTime = event.timestamp;
  summary.append(mark, element("span", "what", what(event)), time, element("span", "where", where(event)));
  const raw = element("pre", "", JSON.stringify(event, null, 2));
  raw.tabIndex = 0;
  details.append(summary, raw);
  item.append(details);
  return item;
}

function show(state, words) {
  panel.dataset.state = state;
  if (status.textContent !== words) status.textContent = words;
}

/** The list as the server has it. Rows that stay are moved, not made again, so that an open one stays open. */
function tell(events) {
  const first = rows.size === 0;
  for (const id of rows.keys()) {
    if (!events.some((event) => event.messageId === id)) {
      rows.get(id).remove();
      rows.delete(id);
    }
  }
  events.forEach((event, place) => {
    if (!rows.has(event.messageId)) {
      const made = row(event);
      if (!first) made.classList.add("new");
      rows.set(event.messageId, made);
    }
    const item = rows.get(event.messageId);
    if (story.children[place] !== item) story.insertBefore(item, story.children[place] || null);
  });
  blank.hidden = events.length > 0;
  blank.textContent = "Nothing yet. Look around the shop: each thing you do is stored and read back here.";
  show("live", events.length === 1 ? "1 event, read back just now" : `${events.length}${events.length > 99 ? " newest" : ""} events, read back just now`);
}

function follow() {
  const { anonymousId, userId } = kit.user();
  panel.querySelector("[data-anonymous-id]").textContent = anonymousId;
  panel.querySelector("[data-user-id]").textContent = userId || "not known yet";
  if (anonymousId === following) return;
  following = anonymousId;
  tell([]);
  show("waiting", "Asking the server …");
  panel.querySelector("[data-curl]").textContent = `curl -H "Authorization: Bearer $READ_TOKEN" "${base}/v1/events?anonymous_id=${anonymousId}"`;
  panel.querySelector("[data-cli]").textContent = `python -m tracker events --anonymous ${anonymousId}`;
}

/** Who is not recorded has no id, and there is nothing to ask for. */
function showNobody() {
  following = undefined;
  tell([]);
  for (const empty of ["[data-anonymous-id]", "[data-user-id]", "[data-curl]", "[data-cli]"]) panel.querySelector(empty).textContent = "–";
  blank.textContent = "What was stored before is still there; what you do now is not recorded, and nothing is sent.";
  show("waiting", "You are not recorded");
}

async function ask() {
  if (document.visibilityState === "visible" && !isOut()) {
    follow();
    const asked = following;
    try {
      const response = await fetch(`${base}/demo/activity?anonymous_id=${encodeURIComponent(asked)}`, { signal: AbortSignal.timeout?.(5000) });
      if (!response.ok) throw new Error(String(response.status));
      const { data } = await response.json();
      if (asked === following && !isOut()) tell(data);
    } catch {
      if (!isOut()) {
        blank.textContent = "Your events will be here once it does.";
        show("gone", "The server does not answer. What you do on this page is kept, and sent when it is back.");
      }
    }
  }
  setTimeout(ask, 1000);
}

for (const button of panel.querySelectorAll("[data-copy]")) {
  button.addEventListener("click", async () => {
    const code = panel.querySelector(button.dataset.copy);
    try {
      await navigator.clipboard.writeText(code.textContent);
      button.textContent = "Copied";
    } catch {
      // No clipboard on plain-http pages: select it for the user to copy.
      getSelection().selectAllChildren(code);
      button.textContent = "Selected";
    }
    setTimeout(() => (button.textContent = "Copy"), 1500);
  });
}

// Consent: the client remembers the choice, in all tabs; the page only asks.
const consent = panel.querySelector("[data-consent]");
const isOut = () => consent.getAttribute("aria-pressed") === "true";
function showConsent(out) {
  consent.setAttribute("aria-pressed", String(out));
  consent.textContent = out ? "Record me again" : "Do not record me";
  if (out) showNobody();
}
consent.addEventListener("click", async () => {
  const out = !isOut();
  await (out ? kit.optOut() : kit.optIn());
  showConsent(out);
});
// The client's own key: "1" is out. A page of one's own would rather keep what its consent banner was told.
try {
  showConsent(localStorage.getItem("kit.out") === "1");
} catch {}

// Offline: what is done is kept, and sent when the network is back. DevTools' "Offline" shows it.
const waiting = panel.querySelector("[data-waiting]");
function showNetwork() {
  waiting.hidden = navigator.onLine;
  waiting.textContent = navigator.onLine ? "" : "You are offline. What you do is kept in this browser, and sent when you are back, even if you close the page before.";
}
addEventListener("online", showNetwork);
addEventListener("offline", showNetwork);
showNetwork();

kit.ready(ask);
