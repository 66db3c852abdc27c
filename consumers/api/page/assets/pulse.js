// The quiet column at the right: what the watched actors' last 24 hours look like, who is named together, and
// whether the sources bring what they should.

import { get, offers } from "./api.js";
import { byHour, spark, total } from "./charts.js";
import { $, h, replace } from "./dom.js";
import { clean, hue, plural } from "./text.js";

const ROWS_MAX = 6;

/** Names of actors by id: from the watchlist, from what the alerts say, else the id itself. */
export class Names {
  #names = new Map();

  constructor(desk) {
    this.desk = desk;
  }

  async load() {
    if (!offers("GET /v1/actors")) return;
    for (const { id, name } of (await get("/v1/actors")).actors ?? []) this.#names.set(id, name);
  }

  of(id) {
    if (this.#names.has(id)) return this.#names.get(id);
    for (const story of this.desk.stories.values()) {
      const found = story.actors.find((actor) => actor.id === id);
      if (found) return found.name;
    }
    return id;
  }
}

/** Counts of pairs, each pair once. */
export const pairsOf = (rows) => rows.filter((row) => row.actor < row.key || !rows.some(
  (other) => other.actor === row.key && other.key === row.actor)).map(({ actor, key, articles }) => ({ a: actor, b: key, articles }));

export async function drawPulse({ names, place }) {
  const [hours, pairs, sources] = await Promise.all([
    get("/v1/counters", { by: "hour", since: "24h" }),
    get("/v1/counters", { by: "pair", since: "24h" }),
    offers("GET /v1/sources") ? get("/v1/sources") : null,
  ]);
  const go = (filters) => place.go({ view: "alerts", filters });
  replace($("pulse"), actorsCard(hours.rows, names, go), pairsCard(pairs.rows, names), sources && sourcesCard(sources.sources, place));
}

function actorsCard(rows, names, go) {
  const own = Map.groupBy ? Map.groupBy(rows, (row) => row.actor) : grouped(rows);
  const series = [...own].map(([id, all]) => [id, byHour(all, 24)]).sort((a, b) => total(b[1]) - total(a[1])).slice(0, ROWS_MAX);
  return h("section", { class: "panel" }, h("h2", {}, "Last 24 hours"),
    series.length === 0 && h("p", { class: "soft" }, "No watched actor was named."),
    series.map(([id, each]) => h("button", { type: "button", class: `pulse ${hue(id)}`, onclick: () => go({ actor: id }) },
      h("span", { class: "name", dir: "auto" }, clean(names.of(id))), h("span", { class: "number" }, total(each).toLocaleString("en")),
      spark(each, id, names.of(id)))));
}

function grouped(rows) {
  const found = new Map();
  for (const row of rows) found.set(row.actor, [...(found.get(row.actor) ?? []), row]);
  return found;
}

function pairsCard(rows, names) {
  const pairs = pairsOf(rows).sort((a, b) => b.articles - a.articles).slice(0, 5);
  if (!pairs.length) return null;
  return h("section", { class: "panel" }, h("h2", {}, "Named together"), h("ul", { class: "plain" }, pairs.map(({ a, b, articles }) =>
    h("li", { class: "pair" }, h("span", { class: `dot ${hue(a)}` }), h("span", { class: `dot ${hue(b)}` }),
      h("span", { class: "name", dir: "auto" }, `${clean(names.of(a))} · ${clean(names.of(b))}`),
      h("span", { class: "number" }, articles.toLocaleString("en"))))));
}

function sourcesCard(sources, place) {
  if (!sources.length) return null;
  const count = (word) => sources.filter((each) => each.health === word).length;
  const bad = ["failing", "silent"].map((word) => [word, count(word)]).filter(([, n]) => n);
  return h("section", { class: "panel" }, h("h2", {}, "Sources"),
    h("p", {}, bad.length ? bad.map(([word, n]) => h("span", { class: `health ${word}` }, `${n} ${word}`))
      : h("span", { class: "health ok" }, "all as usual")),
    h("button", { type: "button", class: "quiet", onclick: () => place.go({ view: "sources" }) }, `${plural(sources.length, "feed")} in all`));
}
