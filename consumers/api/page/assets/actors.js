// When the watched actors were in the news, and which of them were named together.

import { get } from "./api.js";
import { byHour, hourTable, pairGrid, tableOf, timeline, total } from "./charts.js";
import { h, replace } from "./dom.js";
import { pairsOf } from "./pulse.js";
import { clean, hue, plural } from "./text.js";

const SPANS = [[24, "24 hours"], [168, "7 days"]];
const ACTORS_MAX = 24;
const EVERY_MS = 60_000;
const RESIZED_MS = 200;
/** Of a panel and the page around it, both sides. */
const PADDING = 84;

/** Draw the view into `box`, and again every minute; returns what stops that. */
export async function draw({ box, place, names }) {
  let hours = 24;
  const again = async () => {
    const asked = hours;
    const since = `${asked}h`;
    const [counted, paired] = await Promise.all([
      get("/v1/counters", { by: "hour", since, limit: 10_000 }), get("/v1/counters", { by: "pair", since })]);
    if (asked !== hours) return;
    const open = new Set([...box.querySelectorAll("details[open]")].map((each) => each.parentElement.dataset.id));
    const focus = box.contains(document.activeElement) ? document.activeElement.dataset.id : null;
    replace(box, head(hours, (chosen) => { hours = chosen; again(); }), timelines(counted.rows, hours, names, place, Math.max(300, box.clientWidth - PADDING)),
      together(pairsOf(paired.rows), names));
    for (const each of box.querySelectorAll("[data-id] > details")) each.open = open.has(each.parentElement.dataset.id);
    if (focus) box.querySelector(`[data-id="${CSS.escape(focus)}"]`)?.focus();
  };
  await again();
  const quietly = () => { if (!document.hidden) again().catch(() => {}); };
  const timer = setInterval(quietly, EVERY_MS);
  let resized = null;
  const onResize = () => { clearTimeout(resized); resized = setTimeout(quietly, RESIZED_MS); };
  addEventListener("resize", onResize);
  return () => { clearInterval(timer); clearTimeout(resized); removeEventListener("resize", onResize); };
}

function head(hours, choose) {
  return h("div", { class: "bar" }, h("h1", {}, "Actors"),
    h("div", { class: "segments", role: "group", "aria-label": "Time" }, SPANS.map(([value, label]) => h("button",
      { type: "button", "aria-pressed": String(value === hours), "data-id": `span-${value}`, onclick: () => choose(value) }, label))));
}

function timelines(rows, hours, names, place, width) {
  const ids = [...new Set(rows.map((row) => row.actor))];
  const all = ids.map((id) => [id, byHour(rows.filter((row) => row.actor === id), hours)])
    .sort((a, b) => total(b[1]) - total(a[1])).slice(0, ACTORS_MAX);
  if (!all.length) {
    return h("div", { class: "empty" }, h("h2", {}, "Nobody was named"), h("p", {}, "No watched actor was in the news in this time."));
  }
  const most = Math.max(2, ...all.flatMap(([, series]) => series.map(([, count]) => count)));
  return h("div", { class: "timelines" }, all.map(([id, series]) => h("section", { class: "panel", "data-id": `actor-${id}` },
    h("h2", { class: hue(id) }, h("span", { class: "dot" }), h("bdi", {}, clean(names.of(id))),
      h("button", { type: "button", class: "quiet", onclick: () => place.go({ view: "alerts", filters: { actor: id }, only: true }) },
        `Alerts about ${clean(names.of(id))}`),
      h("span", { class: "number" }, plural(total(series), "article"))),
    timeline(series, id, names.of(id), most, width), hourTable(series, names.of(id)))));
}

function together(pairs, names) {
  if (!pairs.length) return null;
  const sorted = [...pairs].sort((a, b) => b.articles - a.articles);
  const rows = sorted.map(({ a, b, articles }) => h("tr", {}, h("th", { scope: "row" }, `${clean(names.of(a))} and ${clean(names.of(b))}`),
    h("td", { class: "number" }, articles.toLocaleString("en"))));
  return h("section", { class: "panel", "data-id": "pairs" }, h("h2", {}, "Named in one article"),
    h("div", { class: "scrolls", tabindex: "0", role: "region", "aria-label": "Pairs of actors" }, pairGrid(sorted, (id) => names.of(id))),
    tableOf("Pairs of actors that one article names", ["Pair", "Articles"], rows));
}
