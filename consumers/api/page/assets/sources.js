// How every feed is: who brings what they should, who has gone quiet, who fails.

import { get } from "./api.js";
import { h, replace, s } from "./dom.js";
import { clean, plural } from "./text.js";
import { span, timeOf } from "./time.js";

const WORDS = ["failing", "silent", "ended", "new", "ok"];
const MEANINGS = {
  failing: "three failures in a row, or never an answer",
  silent: "answers, and brings less than its own rhythm",
  ended: "gone for good, not polled any more",
  new: "no article yet",
  ok: "as often as usual",
};
const ROWS_MAX = 300;
const EVERY_MS = 30_000;

/** Draw the view into `box`, and again every half minute; returns what stops that. */
export async function draw({ box }) {
  let only = null;
  let sources = [];
  const show = () => {
    const focus = box.contains(document.activeElement) ? document.activeElement.dataset.id : null;
    replace(box, h("div", { class: "bar" }, h("h1", {}, "Sources ", h("span", { class: "soft" }, plural(sources.length, "feed")))),
      sources.length ? [strip(sources), words(sources, only, (word) => { only = only === word ? null : word; show(); }),
        table(sources.filter((each) => !only || each.health === only))] : none());
    if (focus) box.querySelector(`[data-id="${focus}"]`)?.focus();
  };
  const again = async () => { ({ sources } = await get("/v1/sources")); show(); };
  await again();
  const timer = setInterval(() => { if (!document.hidden) again().catch(() => {}); }, EVERY_MS);
  return () => clearInterval(timer);
}

function none() {
  return h("div", { class: "empty" }, h("h2", {}, "No feeds are listed yet"),
    h("p", {}, "Put the shipped public broadcasters on the list with ", h("code", {}, "wirewatch feeds import --default"),
      ", then poll them with ", h("code", {}, "wirewatch feeds poll"), "."));
}

function strip(sources) {
  let at = 0;
  const parts = WORDS.map((word) => {
    const width = (sources.filter((each) => each.health === word).length / sources.length) * 1000;
    const part = width && s("rect", { class: word, x: at, width: Math.max(width - 3, 2), height: 10, rx: 3 });
    at += width;
    return part || null;
  });
  return s("svg", { class: "strip", viewBox: "0 0 1000 10", preserveAspectRatio: "none", "aria-hidden": "true" }, parts);
}

function words(sources, only, choose) {
  return h("div", { class: "words", role: "group", "aria-label": "Only those that are" },
    WORDS.map((word) => [word, sources.filter((each) => each.health === word).length]).filter(([, count]) => count).map(([word, count]) =>
      h("button", { type: "button", "data-id": word, "aria-pressed": String(only === word), title: MEANINGS[word], onclick: () => choose(word) },
        h("b", {}, count.toLocaleString("en")), h("span", { class: `health ${word}` }, word))));
}

function table(sources) {
  const rows = sources.slice(0, ROWS_MAX).map((each) => h("tr", {},
    h("th", { scope: "row" }, h("bdi", {}, clean(each.title || each.url)), each.title && h("small", {}, clean(each.url)),
      each.pushed_by && h("span", { class: "tag" }, "pushed")),
    h("td", { "data-head": "Health" }, h("span", { class: `health ${each.health}` }, each.health), h("small", {}, clean(each.detail))),
    h("td", { "data-head": "Last article" }, timeOf(each.last_article) ?? "never"),
    h("td", { "data-head": "Rhythm" }, each.gap_seconds ? `one in ${span(each.gap_seconds * 1000)}` : "not known"),
    h("td", { "data-head": "Next poll" }, timeOf(each.next_poll) ?? "–"),
    h("td", { "data-head": "Articles", class: "number" }, each.articles.toLocaleString("en"))));
  const heads = ["Feed", "Health", "Last article", "Rhythm", "Next poll", "Articles"];
  return h("div", { class: "panel sheet" }, h("table", { class: "cards" }, h("caption", { class: "unseen" }, "Feeds, the worst first"),
    h("thead", {}, h("tr", {}, heads.map((each) => h("th", { scope: "col", class: each === "Articles" ? "number" : null }, each)))),
    h("tbody", {}, rows)),
  sources.length > ROWS_MAX && h("p", { class: "soft" }, `${plural(sources.length - ROWS_MAX, "more feed")}: `, h("a", { href: "/v1/sources" }, "all as JSON")));
}
