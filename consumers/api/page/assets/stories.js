// Alerts as stories: which belong together, and what a story says as a whole. No element is touched here.

import { clean } from "./text.js";

export const SEVERITIES = ["info", "warning", "critical"];

/** What groups an alert: its story; for a volume rule itself; before stories existed, its article. */
export function storyKey(alert) {
  if (alert.story) return `story:${alert.story}`;
  return (alert.kind ?? "article") === "article" ? `article:${alert.article_id}` : `alert:${alert.id}`;
}

const worse = (a, b) =>
  SEVERITIES.indexOf(b.severity) - SEVERITIES.indexOf(a.severity) || b.raised.localeCompare(a.raised);

/** Articles of an alert; the one that raised it where the alert lists none. */
function articlesOf(alert) {
  if (alert.articles?.length) return alert.articles;
  if (!alert.article_id) return [];
  const { article_id, title, source, url, language, published, first_seen } = alert;
  return [{ article_id, title, source, url, language, published, first_seen, revision: alert.article_revision ?? 1 }];
}

/** Everything a card shows, out of the alerts of one story. */
export function summed(alerts) {
  const sorted = [...alerts].sort(worse);
  const lead = sorted[0];
  const actors = new Map();
  const articles = new Map();
  const sources = new Set();
  for (const alert of sorted) {
    for (const actor of alert.actors) {
      if (!actors.has(actor.id) || actors.get(actor.id).score < actor.score) actors.set(actor.id, actor);
    }
    for (const article of articlesOf(alert)) articles.set(article.article_id, article);
    for (const source of alert.sources?.length ? alert.sources : [alert.source]) if (source) sources.add(source);
  }
  const newest = (field) => sorted.map((alert) => alert[field]).filter(Boolean).sort().at(-1) ?? null;
  return {
    alerts: sorted,
    lead,
    severity: lead.severity,
    actors: [...actors.values()],
    articles: [...articles.values()],
    size: Math.max(...sorted.map((alert) => alert.story_articles ?? 1), articles.size),
    sources: [...sources],
    languages: [...new Set(sorted.map((alert) => alert.language).filter(Boolean))],
    raised: newest("raised"),
    updated: newest("updated"),
    old: sorted.every((alert) => alert.old),
    acknowledged: sorted.every((alert) => alert.life?.acknowledged) ? lead.life.acknowledged : null,
    silenced: sorted.every((alert) => alert.life?.silences?.length),
    verdict: sameVerdict(sorted),
  };
}

function sameVerdict(alerts) {
  const values = new Set(alerts.map((alert) => alert.life?.verdict?.value ?? null));
  return values.size === 1 ? [...values][0] : null;
}

/** Whether a story fits the filters: actor, rule, source, language, least severity, words, and what is dealt with. */
export function fits(story, filters) {
  const { alerts } = story;
  return (
    (!filters.actor || story.actors.some((actor) => actor.id === filters.actor)) &&
    (!filters.rule || alerts.some((alert) => alert.rule === filters.rule)) &&
    (!filters.source || story.sources.includes(filters.source)) &&
    (!filters.language || story.languages.includes(filters.language)) &&
    (!filters.severity || SEVERITIES.indexOf(story.severity) >= SEVERITIES.indexOf(filters.severity)) &&
    (filters.show === "all" || story.touched || !(story.acknowledged || story.silenced)) &&
    (!filters.q || words(filters.q).every((word) => story.haystack.includes(word)))
  );
}

const folded = (text) => text.normalize("NFKC").toLocaleLowerCase();
const words = (text) => folded(text).split(/\s+/u).filter(Boolean);

function haystack(story) {
  const parts = [];
  for (const alert of story.alerts) {
    parts.push(alert.title, alert.source, alert.reason, alert.rule, ...alert.sentences.map((each) => each.text));
  }
  parts.push(...story.articles.map((each) => `${each.title} ${each.source}`), ...story.actors.map((each) => each.name));
  return folded(clean(parts.join("\n")));
}

const NOTHING_SAID = { acknowledged: null, verdict: null, silences: [] };

/** All alerts that the page knows, by story. Tells "change" with detail {key, fresh}; no key: everything. */
export class Desk extends EventTarget {
  #alerts = new Map();
  #keys = new Map();
  #members = new Map();
  stories = new Map();

  /**
   * Take an alert, new or a newer revision. `order`: where its story goes if it is new, higher is earlier.
   * `live`: it has just been raised, so a new story is news; otherwise it is only loaded.
   */
  put(alert, order, live = false) {
    const known = this.#alerts.get(alert.id);
    if (known && (known.revision ?? 1) > (alert.revision ?? 1)) return;
    const taken = { ...alert, life: alert.life ?? known?.life ?? null };
    const key = storyKey(taken);
    const before = this.#keys.get(alert.id);
    this.#alerts.set(alert.id, taken);
    this.#keys.set(alert.id, key);
    if (before && before !== key) {
      this.#members.get(before).delete(alert.id);
      this.#resum(before);
    }
    if (!this.#members.has(key)) this.#members.set(key, new Set());
    this.#members.get(key).add(alert.id);
    this.#resum(key, { order, live });
  }

  get(id) {
    return this.#alerts.get(id);
  }

  get size() {
    return this.#alerts.size;
  }

  /** Change what people said about an alert, here only; returns what puts just that back. */
  say(id, change) {
    const before = { ...NOTHING_SAID, ...this.#alerts.get(id)?.life };
    const set = (said) => {
      const alert = this.#alerts.get(id);
      if (!alert) return;
      this.#alerts.set(id, { ...alert, life: { ...NOTHING_SAID, ...alert.life, ...said } });
      this.#resum(this.#keys.get(id), { touched: true });
    };
    set(change);
    return () => set(Object.fromEntries(Object.keys(change).map((name) => [name, before[name]])));
  }

  clear() {
    for (const each of [this.#alerts, this.#keys, this.#members, this.stories]) each.clear();
    this.dispatchEvent(new CustomEvent("change", { detail: { key: null, fresh: false } }));
  }

  #resum(key, { order = 0, touched = false, live = false } = {}) {
    const before = this.stories.get(key);
    const ids = this.#members.get(key);
    if (ids.size) {
      const story = summed([...ids].map((id) => this.#alerts.get(id)));
      story.key = key;
      story.order = before?.order ?? order;
      story.touched = touched || Boolean(before?.touched);
      story.haystack = haystack(story);
      this.stories.set(key, story);
    } else this.stories.delete(key);
    this.dispatchEvent(new CustomEvent("change", { detail: { key, fresh: live && !before } }));
  }
}
