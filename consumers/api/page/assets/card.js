// One story as a card: headline, what it says about the watched actors, and what can be done with it.

import { can } from "./actions.js";
import { h, icon, replace } from "./dom.js";
import { clean, hue, langOf, languageName, listed, pieces, plural, webAddress } from "./text.js";
import { timeOf } from "./time.js";

const KINDS = { spike: "unusual rate", "new-pair": "new pair", "silent-source": "source gone silent" };
const VERDICTS = [["true", "True", "t"], ["false", "False", "f"], ["unsure", "Unsure", "u"]];
const SOURCES_NAMED = 3;

/** Text with its highlights, in the language it is in; each part cleaned by itself, so that the offsets stay true. */
export function marked(text, highlights, language, tag = "span", props = {}) {
  return h(tag, { dir: "auto", lang: langOf(language), ...props },
    pieces(text, highlights).map(({ text: part, actor }) =>
      actor === null ? clean(part) : h("mark", { class: hue(actor) }, clean(part))));
}

/** A link to an article, or its words alone where the address is none that may be followed. */
export function linked(url, content, props = {}) {
  const address = webAddress(url);
  return address
    ? h("a", { href: address, target: "_blank", rel: "noopener noreferrer nofollow", ...props }, content)
    : h("span", props, content);
}

/** The element of a story. `update(story)` shows another state of it in the same place. */
export class Card {
  constructor(story, { open = false } = {}) {
    this.open = open;
    this.id = `story-${(Card.count += 1)}`;
    this.element = h("article", { class: "story", tabindex: "0", "aria-labelledby": `${this.id}-title` });
    this.element.card = this;
    this.update(story);
  }

  static count = 0;

  update(story) {
    if (this.story === story) return;
    const kept = this.element.contains(document.activeElement) ? document.activeElement.dataset.act : null;
    this.story = story;
    this.element.dataset.key = story.key;
    this.element.className = ["story", story.severity, (story.acknowledged || story.silenced) && "dealt", story.old && "old"]
      .filter(Boolean).join(" ");
    replace(this.element, this.#head(), this.#title(), this.#said(), this.#foot(), this.open && this.#details());
    if (kept) (this.element.querySelector(`[data-act="${kept}"]`) ?? this.element).focus({ preventScroll: true });
  }

  toggle(open = !this.open) {
    this.open = open;
    const { story } = this;
    this.story = null;
    this.update(story);
  }

  #head() {
    const { story } = this;
    return h("div", { class: "head" },
      h("span", { class: "severity" }, story.severity),
      story.actors.map((actor) =>
        h("button", { type: "button", class: `actor ${hue(actor.id)}`, "data-act": `actor-${actor.id}`, "data-actor": actor.id,
          title: `Only ${clean(actor.name)}` }, clean(actor.name))),
      KINDS[story.lead.kind] && h("span", { class: "tag" }, KINDS[story.lead.kind]),
      story.old && h("span", { class: "tag", title: "Published long before we first saw it; nobody was notified" }, "old"),
      h("span", { class: "when" }, timeOf(story.raised)));
  }

  #title() {
    const { lead } = this.story;
    const own = lead.sentences.find((each) => each.field === "title" && each.text === lead.title);
    const words = lead.title ? marked(lead.title, own?.highlights, lead.language) : h("span", {}, clean(lead.reason) || "(no headline)");
    return h("h3", { id: `${this.id}-title` }, linked(lead.url, words, { "data-act": "article" }));
  }

  #said() {
    const { lead } = this.story;
    const sentences = lead.sentences.filter((each) => each.field !== "title" || each.text !== lead.title);
    if (!sentences.length) return (lead.kind ?? "article") !== "article" && lead.title ? h("p", { class: "said" }, clean(lead.reason)) : null;
    return sentences.slice(0, this.open ? undefined : 1)
      .map((each) => marked(each.text, each.highlights, lead.language, "p", { class: "said" }));
  }

  #foot() {
    const { story } = this;
    const { lead } = story;
    const named = story.sources.slice(0, SOURCES_NAMED);
    const more = story.sources.length - named.length;
    return h("div", { class: "foot" },
      h("div", { class: "facts" },
        named.map((source) => h("span", { class: "source" }, h("bdi", {}, clean(source)))),
        more > 0 && h("span", {}, `and ${plural(more, "other")}`),
        story.languages.map((each) => h("span", {}, languageName(each))),
        story.size > 1 && h("span", { class: "size" }, plural(story.size, "article")),
        story.updated && h("span", {}, timeOf(story.updated, "updated "))),
      h("div", { class: "acts", role: "group", "aria-label": "What to do with it" },
        can.verdict() && h("span", { class: "verdicts", role: "group", "aria-label": "Was this alert right?" },
          VERDICTS.map(([value, label, key]) => h("button", { type: "button", class: `verdict ${value}`, "data-act": value,
            "aria-pressed": String(story.verdict === value), title: `${label} alert (${key})` }, icon(value), h("span", { class: "unseen" }, label)))),
        can.acknowledge() && h("button", { type: "button", class: "act", "data-act": "acknowledge", title: "Acknowledge (a)",
          "aria-pressed": String(Boolean(story.acknowledged)) }, icon("taken"), h("span", {}, story.acknowledged ? "Acknowledged" : "Acknowledge")),
        can.silence() && h("button", { type: "button", class: "act", "data-act": "silence", title: "Silence (s)" },
          icon("mute"), h("span", { class: "word" }, story.silenced ? "Silenced" : "Silence")),
        h("button", { type: "button", class: "act why", "data-act": "details", "aria-expanded": String(this.open),
          title: `Why, and which articles: ${lead.rule} (Enter)` }, icon("chevron"), "Details")));
  }

  #details() {
    const { story } = this;
    return h("div", { class: "details" }, story.alerts.map((alert) => this.#why(alert)), this.#articles(), this.#life());
  }

  #why(alert) {
    const rows = alert.actors.map((actor) => h("tr", {},
      h("th", { scope: "row" }, clean(actor.name)),
      h("td", { class: "number" }, actor.score.toFixed(2)),
      h("td", { class: "number" }, String(actor.mentions)),
      h("td", {}, clean(actor.why))));
    return h("section", { class: "reason" },
      h("h4", {}, "Why: ", h("code", {}, alert.rule), h("span", { class: "soft" }, ` version ${alert.rule_version.slice(0, 8)}`)),
      alert.summary && h("p", {}, clean(alert.summary)),
      h("p", {}, clean(alert.reason), "."),
      rows.length > 0 && h("div", { class: "scrolls", tabindex: "0", role: "region", "aria-label": `Evidence for ${alert.rule}` },
        h("table", {}, h("thead", {}, h("tr", {}, ["Actor", "Score", "Mentions", "Evidence"].map((each, n) =>
          h("th", { scope: "col", class: n === 1 || n === 2 ? "number" : null }, each)))),
          h("tbody", {}, rows))));
  }

  #articles() {
    const { articles, size, sources } = this.story;
    if (!articles.length) return null;
    const rows = articles.map((each) => h("li", {},
      linked(each.url, clean(each.title) || "(no headline)", { dir: "auto", lang: langOf(each.language) }),
      h("span", { class: "facts" }, h("span", {}, h("bdi", {}, clean(each.source))), each.language && h("span", {}, languageName(each.language)),
        timeOf(each.published ?? each.first_seen, each.published ? "published " : "seen "),
        each.revision > 1 && h("span", {}, `edit ${each.revision - 1}`))));
    const left = size - articles.length;
    return h("section", {}, h("h4", {}, `${plural(size, "article")} from ${plural(Math.max(sources.length, 1), "source")}`),
      h("ul", { class: "articles" }, rows, left > 0 && h("li", { class: "soft" }, `and ${plural(left, "older one")}`)));
  }

  #life() {
    const { acknowledged, silenced, alerts } = this.story;
    const lines = [
      acknowledged && h("p", {}, icon("taken"), ` Acknowledged by ${clean(acknowledged.by)} `, timeOf(acknowledged.at)),
      ...alerts.filter((alert) => alert.life?.verdict).map(({ rule, life: { verdict } }) =>
        h("p", {}, icon(verdict.value), ` ${clean(verdict.by)} says ${verdict.value} of `, h("code", {}, rule), " ", timeOf(verdict.at))),
      silenced && h("p", {}, icon("mute"), " Silenced: nobody is notified"),
    ].filter(Boolean);
    return lines.length ? h("section", { class: "life" }, lines) : null;
  }
}

/** How a story is told to someone who hears the page. */
export function spoken(story) {
  return `${story.severity}: ${listed(story.actors.map((actor) => clean(actor.name)))}. ${clean(story.lead.title)}`;
}
