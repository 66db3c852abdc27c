// The page: asks what the server offers, loads the alerts, follows the stream, and shows the view of the address.

import { Actions } from "./actions.js";
import { ApiError, discover, get, offers, onTokenWanted } from "./api.js";
import { askToken } from "./dialogs.js";
import { $, button, h, replace } from "./dom.js";
import { Facets } from "./facets.js";
import { Feed } from "./feed.js";
import { Place, forServer, write } from "./filters.js";
import { help, listen } from "./keys.js";
import { doing, failed } from "./notices.js";
import { Names, drawPulse } from "./pulse.js";
import { silenceDialog } from "./silence.js";
import { Desk } from "./stories.js";
import { AlertStream } from "./stream.js";
import { webAddress } from "./text.js";
import { themeSwitch } from "./theme.js";
import { refresh } from "./time.js";

const PAGE = 100;
const PULSE_MS = 60_000;
const LIFE_MS = 30_000;
const TYPING_MS = 150;
const VIEWS = { actors: "./actors.js", sources: "./sources.js", rules: "./rules.js", deliveries: "./deliveries.js" };
const NEEDED = { rules: "GET /v1/rules", deliveries: "GET /v1/receivers", sources: "GET /v1/sources" };

const desk = new Desk();
const place = new Place();
const names = new Names(desk);
const actions = new Actions(desk);
const clear = () => { $("search").value = ""; place.go({ filters: place.filters.show ? { show: "all" } : {}, only: true }); };
const feed = new Feed({ desk, place, older, clear });
const facets = new Facets({ desk, place });
let stream = null;
/** Where older alerts are read on, by the filters that the server was asked with. */
let cursors = new Map();
let shownView = null;
let stopView = () => {};

// What came earlier is earlier in the list: a place in the feed as a number that orders like it.
function orderOf(cursor) {
  const [milliseconds, number] = cursor.split("-").map(Number);
  return milliseconds + (number || 0) / 1e6;
}

const asked = () => JSON.stringify(forServer(place.filters));

/** Load the next older page under the filters of the moment. */
async function older() {
  const key = asked();
  if (cursors.get(key) === null) return false;
  const page = await get("/v1/alerts", { ...forServer(place.filters), limit: PAGE, cursor: cursors.get(key) });
  for (const { cursor, ...alert } of page.alerts) desk.put(alert, orderOf(cursor));
  cursors.set(key, page.next);
  if (key === asked()) feed.end = page.next === null;
  return page.next !== null;
}

async function start() {
  feed.loading();
  try {
    await discover();
    for (const each of document.querySelectorAll("#views a")) each.hidden = !(offers(NEEDED[each.dataset.view] ?? "GET /v1/alerts"));
    const newest = await get("/v1/alerts", { limit: PAGE });
    cursors = new Map([[JSON.stringify({}), newest.next]]);
    for (const { cursor, ...alert } of newest.alerts) desk.put(alert, orderOf(cursor));
    feed.end = newest.next === null;
    feed.failure = null;
    if (asked() !== JSON.stringify({})) await older();
    feed.ready();
    follow(newest.alerts[0]?.cursor ?? "0");
  } catch (error) {
    feed.failure = failure(error);
    feed.ready();
    state("offline");
    return;
  }
  facets.draw();
  whoAmI();
  names.load().catch(() => {}).finally(pulse);
}

function failure(error) {
  const told = error instanceof ApiError ? error.message : "Something went wrong on this page.";
  return h("div", { class: "empty", role: "alert" }, h("h2", {}, "The alerts cannot be shown"), h("p", {}, told),
    button("Try again", { class: "main", onclick: () => { feed.failure = null; start(); } }));
}

function follow(after) {
  stream?.stop();
  stream = new AlertStream({
    after,
    onAlert: (alert, cursor) => desk.put(alert, orderOf(cursor), true),
    onReset: () => { desk.clear(); start(); },
    onState: state,
  });
  stream.run();
}

const STATES = {
  connecting: ["connecting", "Asking the server"],
  live: ["live", "Alerts come as they are raised"],
  reconnecting: ["reconnecting", "The connection broke off; trying again. Nothing is missed."],
  offline: ["offline", "The server does not answer; trying again. What is shown may be out of date."],
};

function state(now) {
  const [word, about] = STATES[now];
  $("state").className = `state ${now}`;
  $("state").title = about;
  if ($("state-word").textContent !== word) $("state-word").textContent = word;
}

async function whoAmI() {
  if (!offers("GET /v1/me")) return;
  const me = await get("/v1/me").catch(() => null);
  if (me) actions.name = me.name;
  document.body.classList.toggle("reader", me?.role === "read");
}

function pulse() {
  if (place.view === "alerts" && !document.hidden) drawPulse({ names, place }).catch(() => {});
}

// What colleagues say about the alerts comes with the newest page.
async function lives() {
  if (document.hidden || !stream || !offers("PUT /v1/alerts/{}/acknowledgement")) return;
  const page = await get("/v1/alerts", { limit: PAGE }).catch(() => null);
  for (const { cursor, ...alert } of page?.alerts ?? []) {
    const known = desk.get(alert.id);
    if (known && JSON.stringify(known.life) !== JSON.stringify(alert.life)) desk.put(alert, orderOf(cursor));
  }
}

/** Do what a button or key of that name does. */
function act(name, card) {
  const { story } = card;
  if (name === "details") card.toggle();
  else if (name === "acknowledge") doing(actions.acknowledge(story));
  else if (name === "silence") { if (offers("POST /v1/silences")) silenceDialog(story, actions); }
  else if (name === "article") {
    const address = webAddress(story.lead.url);
    if (address) open(address, "_blank", "noopener,noreferrer");
  } else doing(actions.verdict(story.alerts, name));
}

$("stories").addEventListener("click", (event) => {
  const clicked = event.target.closest("button[data-act]");
  if (!clicked) return;
  if (clicked.dataset.actor) place.go({ filters: { actor: clicked.dataset.actor } });
  else act(clicked.dataset.act, clicked.closest(".story").card);
});

async function show() {
  for (const each of document.querySelectorAll("#views a")) {
    each.href = write(each.dataset.view, each.dataset.view === "alerts" ? place.filters : {});
    if (each.dataset.view === place.view) each.setAttribute("aria-current", "page");
    else each.removeAttribute("aria-current");
  }
  const alerts = place.view === "alerts";
  if (shownView !== place.view) {
    stopView();
    stopView = () => {};
    shownView = place.view;
    $("view-alerts").hidden = !alerts;
    $("view-other").hidden = alerts;
    scrollTo({ top: 0 });
    if (!alerts) await view(place.view);
    else pulse();
  }
  if (!alerts) return;
  if ($("search").value !== (place.filters.q ?? "")) $("search").value = place.filters.q ?? "";
  feed.end = cursors.get(asked()) === null;
  feed.refilter();
  if (stream && !cursors.has(asked())) await older().then(() => feed.draw(), failed);
}

async function view(name) {
  const box = replace($("view-other"), h("p", { class: "empty" }, "Loading …"));
  if (stream && NEEDED[name] && !offers(NEEDED[name])) {
    replace(box, h("div", { class: "empty" }, h("h2", {}, "Not on this server"), h("p", {}, "It does not offer this part.")));
    return;
  }
  try {
    const { draw } = await import(VIEWS[name]);
    const stop = await draw({ box, place, names, desk, actions });
    if (place.view === name) stopView = stop ?? (() => {});
    else stop?.();
  } catch (error) {
    if (place.view !== name) return;
    const told = error instanceof ApiError ? error.message : "Load the page again: Wirewatch may have been updated.";
    replace(box, h("div", { class: "empty", role: "alert" }, h("h2", {}, "This cannot be shown"), h("p", {}, told),
      button("Try again", { class: "main", onclick: () => view(name) })));
  }
}

$("views").addEventListener("click", (event) => {
  const link = event.target.closest("a[data-view]");
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  place.go({ view: link.dataset.view, only: link.dataset.view !== "alerts" && place.view === link.dataset.view });
});
let typing = null;
$("search").addEventListener("input", () => {
  clearTimeout(typing);
  typing = setTimeout(() => place.go({ filters: { q: $("search").value.trim() || null }, typing: true }), TYPING_MS);
});
$("search-form").addEventListener("submit", (event) => event.preventDefault());
$("unfilter").addEventListener("click", clear);
$("help").addEventListener("click", help);
$("filters-open").addEventListener("click", () => {
  const opened = document.querySelector("#view-alerts").classList.toggle("filtering");
  $("filters-open").setAttribute("aria-expanded", String(opened));
});
addEventListener("online", () => stream?.wake());
addEventListener("offline", () => state("offline"));
document.addEventListener("visibilitychange", () => { if (!document.hidden) { stream?.wake(); refresh(); pulse(); } });
setInterval(() => { if (!document.hidden) refresh(); }, 20_000);
setInterval(pulse, PULSE_MS);
setInterval(lives, LIFE_MS);
themeSwitch($("theme"));
onTokenWanted(askToken);
listen({ feed, place, act });
place.addEventListener("change", show);
await start();
await show();
