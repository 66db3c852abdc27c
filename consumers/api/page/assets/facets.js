// The filters beside the list: what there is to choose from, how much of each, and what is chosen.

import { $, h, replace } from "./dom.js";
import { SEVERITIES, fits } from "./stories.js";
import { clean, hue, languageName } from "./text.js";

const SHOWN_MAX = 8;
const GROUPS = [
  ["severity", "Severity, at least", (story) => [story.severity]],
  ["actor", "Actor", (story) => story.actors.map((actor) => actor.id)],
  ["rule", "Rule", (story) => [...new Set(story.alerts.map((alert) => alert.rule))]],
  ["language", "Language", (story) => story.languages],
  ["source", "Source", (story) => story.sources],
];

export class Facets {
  #due = null;
  #long = new Set();

  constructor({ desk, place }) {
    Object.assign(this, { desk, place });
    this.box = $("facets");
    desk.addEventListener("change", () => this.soon());
    place.addEventListener("change", () => this.draw());
    this.box.addEventListener("click", (event) => this.#clicked(event.target.closest("button")));
  }

  /** Draw once for all changes of a second: a filter that moves under the pointer helps nobody. */
  soon() {
    this.#due ??= setTimeout(() => { this.#due = null; this.draw(); }, 300);
  }

  draw() {
    const { filters } = this.place;
    const names = new Map();
    const kept = this.box.contains(document.activeElement) ? document.activeElement.dataset.id : null;
    for (const story of this.desk.stories.values()) for (const { id, name } of story.actors) names.set(id, clean(name));
    replace(this.box, this.#showing(), GROUPS.map(([facet, label, valuesOf]) => {
      const counts = this.#counts(facet, valuesOf);
      return this.#group(facet, label, counts, { actor: (id) => names.get(id) ?? id, language: languageName, severity: (word) => word[0].toUpperCase() + word.slice(1) }[facet] ?? clean);
    }));
    if (kept) this.box.querySelector(`[data-id="${CSS.escape(kept)}"]`)?.focus({ preventScroll: true });
    $("unfilter").hidden = !this.place.filtered;
    const on = Object.keys(filters).filter((name) => name !== "show" && name !== "q").length;
    $("filter-count").textContent = on ? String(on) : "";
  }

  // Each group is counted under the other filters, so that a number says what a click would show.
  #counts(facet, valuesOf) {
    const others = { ...this.place.filters, [facet]: null };
    const counts = new Map();
    for (const story of this.desk.stories.values()) {
      if (fits(story, others)) for (const value of valuesOf(story)) counts.set(value, (counts.get(value) ?? 0) + 1);
    }
    const chosen = this.place.filters[facet];
    if (chosen && !counts.has(chosen)) counts.set(chosen, 0);
    if (facet === "severity") {
      let sum = 0;
      return [...SEVERITIES].reverse().map((each) => [each, (sum += counts.get(each) ?? 0)]);
    }
    return [...counts].sort((a, b) => b[1] - a[1] || a[0].localeCompare(b[0]));
  }

  #group(facet, label, counts, name) {
    if (!counts.length) return null;
    const chosen = this.place.filters[facet];
    const all = this.#long.has(facet);
    const shown = all ? counts : counts.filter(([value], n) => n < SHOWN_MAX || value === chosen);
    return h("fieldset", {}, h("legend", {}, label), h("ul", {}, shown.map(([value, count]) => h("li", {},
      h("button", { type: "button", class: `facet ${facet === "actor" ? hue(value) : facet === "severity" ? value : ""}`,
        "aria-pressed": String(chosen === value), "data-id": `${facet}:${value}`, "data-facet": facet, "data-value": value },
      h("span", { class: "name", dir: "auto", title: name(value) }, name(value)), h("span", { class: "number" }, count.toLocaleString("en")))))),
    counts.length > shown.length && h("button", { type: "button", class: "quiet", "data-more": facet, "data-id": `more:${facet}` },
      `${counts.length - shown.length} more`));
  }

  #showing() {
    const all = this.place.filters.show === "all";
    const choice = (value, label) => h("button", { type: "button", "aria-pressed": String(all === (value === "all")),
      "data-facet": "show", "data-value": value, "data-id": `show:${value}` }, label);
    return h("div", { class: "segments", role: "group", "aria-label": "Which stories" }, choice("open", "Open"), choice("all", "All"));
  }

  #clicked(clicked) {
    if (!clicked) return;
    const { facet, value, more } = clicked.dataset;
    if (more) {
      this.#long.add(more);
      this.draw();
    } else if (facet === "show") this.place.go({ filters: { show: value === "all" ? "all" : null } });
    else if (facet) this.place.go({ filters: { [facet]: this.place.filters[facet] === value ? null : value } });
  }
}
