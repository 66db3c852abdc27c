// Who is told, whether they can be reached, and what came of each notification.

import { get, offers, request } from "./api.js";
import { h, button, replace } from "./dom.js";
import { failed, notice } from "./notices.js";
import { clean, plural } from "./text.js";
import { timeOf } from "./time.js";

const EVERY_MS = 15_000;
const LIMIT = 100;

/** Draw the view into `box`, and again every quarter minute; returns what stops that. */
export async function draw({ box }) {
  const again = async () => {
    const [known, sent] = await Promise.all([get("/v1/receivers"),
      offers("GET /v1/deliveries") ? get("/v1/deliveries", { limit: LIMIT }) : { deliveries: [] }]);
    const focus = box.contains(document.activeElement) ? document.activeElement.dataset.id : null;
    replace(box, h("div", { class: "bar" }, h("h1", {}, "Deliveries")), receivers(known.receivers, again), deliveries(sent.deliveries, again));
    if (focus) box.querySelector(`[data-id="${CSS.escape(focus)}"]`)?.focus();
  };
  await again();
  const timer = setInterval(() => { if (!document.hidden) again().catch(() => {}); }, EVERY_MS);
  return () => clearInterval(timer);
}

/** How a receiver is: a word, its health, and more about it. */
function standing({ disabled, breaker, held_until: held }) {
  if (disabled) return ["disabled", "failing", clean(disabled)];
  if (breaker === "open") return ["not reached", "failing", "left alone for a while"];
  if (held) return ["asked us to wait", "silent", timeOf(held)];
  return breaker === "half-open" ? ["being tried", "silent", null] : ["ok", "ok", null];
}

function receivers(all, again) {
  if (!all.length) {
    return h("div", { class: "empty" }, h("h2", {}, "Nobody is notified yet"),
      h("p", {}, "Alerts show on this page. To have them sent, describe receivers in a file and set ", h("code", {}, "WIREWATCH_RECEIVERS"), "."));
  }
  const rows = all.map((each) => {
    const [word, health, detail] = standing(each);
    const path = `/v1/receivers/${encodeURIComponent(each.id)}`;
    return h("tr", {}, h("th", { scope: "row" }, clean(each.id)),
      h("td", { "data-head": "Channel" }, each.kind),
      h("td", { "data-head": "State" }, h("span", { class: `health ${health}` }, word), detail && h("small", {}, detail)),
      h("td", { "data-head": "Waiting", class: "number" }, each.waiting.toLocaleString("en")),
      h("td", {}, offers("POST /v1/receivers/{}/test") && button("Send a test", { class: "quiet", "data-id": `test-${each.id}`,
        "aria-label": `Send a test to ${clean(each.id)}`, onclick: () => tell("POST", `${path}/test`, `A test is on its way to ${clean(each.id)}.`, again) }),
      each.disabled && offers("POST /v1/receivers/{}/enable") && button("Enable", { class: "quiet", "data-id": `enable-${each.id}`,
        "aria-label": `Enable ${clean(each.id)}`, onclick: () => tell("POST", `${path}/enable`, `${clean(each.id)} is sent to again.`, again) })));
  });
  return sheet("Receivers", ["Receiver", "Channel", "State", "Waiting", ""], rows);
}

const HEALTH = { delivered: "ok", failing: "failing", "given-up": "failing", queued: "new" };

function deliveries(all, again) {
  if (!all.length) return null;
  const rows = all.map((each) => h("tr", {},
    h("th", { scope: "row" }, timeOf(each.at ?? each.created)),
    h("td", { "data-head": "To" }, clean(each.receiver)),
    h("td", { "data-head": "What" }, plural(each.alerts_total, "alert"), h("small", {}, each.reason)),
    h("td", { "data-head": "State" }, h("span", { class: `health ${HEALTH[each.state] ?? "new"}` }, each.state),
      each.last && h("small", {}, [each.last.outcome, each.last.status, clean(each.last.reply)].filter(Boolean).join(" · "))),
    h("td", { "data-head": "Tries", class: "number" }, String(each.tries)),
    h("td", {}, offers("POST /v1/deliveries/{}/resend") && button("Send again", { class: "quiet", "data-id": `again-${each.id}`,
      onclick: () => tell("POST", `/v1/deliveries/${encodeURIComponent(each.id)}/resend`, "It is sent again.", again) }))));
  return sheet("Newest notifications", ["When", "To", "What", "State", "Tries", ""], rows);
}

async function tell(method, path, done, again) {
  try {
    await request(method, path);
    notice(done);
    await again();
  } catch (error) {
    failed(error);
  }
}

function sheet(title, heads, rows) {
  return h("section", { class: "panel sheet" }, h("h2", {}, title), h("table", { class: "cards" },
    h("thead", {}, h("tr", {}, heads.map((each) => (each ? h("th", { scope: "col", class: ["Waiting", "Tries"].includes(each) ? "number" : null }, each) : h("td", {}))))),
    h("tbody", {}, rows)));
}
