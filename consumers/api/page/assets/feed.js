// The list of stories: filtered, newest first, grown as the reader goes down, and never moved under their eyes.

import { Card, spoken } from "./card.js";
import { $, button, h, replace } from "./dom.js";
import { failed, say } from "./notices.js";
import { fits } from "./stories.js";
import { plural } from "./text.js";

const FIRST = 30;
const MORE = 60;
const AWAY_PX = 80;
/** After so many pages that brought nothing to show, the reader asks for more by hand. */
const FRUITLESS_MAX = 10;

export class Feed {
  #cards = new Map();
  #held = new Set();
  #limit = FIRST;
  #due = false;
  #ready = false;

  /** `older()` loads older alerts and resolves to whether there are more. */
  constructor({ desk, place, older, clear }) {
    Object.assign(this, { desk, place, older, clear });
    this.fruitless = 0;
    this.list = $("stories");
    this.more = $("more");
    this.pill = $("pill");
    this.pill.addEventListener("click", () => this.release());
    desk.addEventListener("change", (event) => this.#changed(event.detail));
    this.#watchEnd();
    addEventListener("scroll", () => { if (this.#held.size && scrollY < AWAY_PX / 4) this.release(false); }, { passive: true });
  }

  /** The first alerts are there (or could not be had): from now on what comes is news. */
  ready() {
    this.#ready = true;
    this.list.setAttribute("aria-busy", "false");
    for (const ghost of this.list.querySelectorAll(".ghost")) ghost.remove();
    this.draw();
  }

  loading() {
    this.#ready = false;
    this.list.setAttribute("aria-busy", "true");
  }

  /** Other filters, or another view: begin at the top. */
  refilter() {
    this.#limit = FIRST;
    this.fruitless = 0;
    this.#held.clear();
    for (const story of this.desk.stories.values()) story.touched = false;
    this.draw();
  }

  #changed({ key, fresh }) {
    const story = this.desk.stories.get(key);
    if (this.#ready && fresh && story && fits(story, this.place.filters)) {
      say(spoken(story));
      if (this.#reading()) this.#held.add(key);
    }
    this.soon();
  }

  /** Whether something new at the top would move what the reader looks at. */
  #reading() {
    return scrollY > AWAY_PX || this.#held.size > 0 || this.list.contains(document.activeElement) ||
      [...this.#cards.values()].some((card) => card.open);
  }

  /** Draw once for all changes of a moment. */
  soon() {
    if (this.#due) return;
    this.#due = true;
    requestAnimationFrame(() => { this.#due = false; this.draw(); });
  }

  get shown() {
    const { filters } = this.place;
    return [...this.desk.stories.values()]
      .filter((story) => !this.#held.has(story.key) && fits(story, filters))
      .sort((a, b) => b.order - a.order);
  }

  draw() {
    const shown = this.shown;
    let next = this.list.firstElementChild;
    const keep = new Set();
    for (const story of shown.slice(0, this.#limit)) {
      keep.add(story.key);
      let card = this.#cards.get(story.key);
      if (card) card.update(story);
      else this.#cards.set(story.key, (card = new Card(story)));
      if (card.element === next) next = next.nextElementSibling;
      else this.list.insertBefore(card.element, next);
    }
    for (const [key, card] of this.#cards) {
      if (keep.has(key)) continue;
      card.element.remove();
      this.#cards.delete(key);
    }
    this.#tell(shown);
  }

  #tell(shown) {
    const held = this.#held.size;
    this.pill.hidden = held === 0;
    this.pill.querySelector("span").textContent = held ? `${held} new` : "";
    document.title = held ? `(${held}) Wirewatch` : "Wirewatch";
    $("count").textContent = this.#ready ? plural(shown.length, "story", "stories").replace(" ", this.end ? " " : "+ ") : "";
    this.left = shown.length > this.#limit || !this.end;
    this.more.hidden = !(this.#ready && this.left);
    const empty = this.#ready && shown.length === 0 && !this.failure;
    replace($("nothing"), this.failure ?? (empty && this.#empty()));
  }

  #empty() {
    if (this.place.filtered) {
      return h("div", { class: "empty" }, h("h2", {}, "Nothing fits these filters"),
        h("p", {}, `${plural(this.desk.stories.size, "story", "stories")} without them. What comes from now on will show here.`),
        button("Clear the filters", { class: "main", onclick: this.clear }));
    }
    const dealt = this.desk.stories.size;
    return h("div", { class: "empty" }, h("h2", {}, dealt ? "All is dealt with" : "No alerts yet"),
      dealt ? h("p", {}, `${plural(dealt, "story", "stories")} acknowledged or silenced. What comes next shows here by itself.`)
        : [h("p", {}, "They show here by themselves as soon as a watched actor is in the news."),
          h("p", {}, "To see it at work, feed it something: ", h("code", {}, "wirewatch publish seeds/articles"))]);
  }

  /** Show what was held back; `jump`: go to the top for it. */
  release(jump = true) {
    if (!this.#held.size) return;
    const [first] = this.#held;
    this.#held.clear();
    this.draw();
    if (!jump) return;
    scrollTo({ top: 0 });
    (this.#cards.get(first) ? this.list.firstElementChild : null)?.focus({ preventScroll: true });
  }

  /** Show more of what is loaded, then load more. Resolves to whether anything came. */
  async grow() {
    if (this.growing) return false;
    this.growing = true;
    const before = this.list.children.length;
    try {
      const waiting = this.shown.length - this.#limit;
      this.#limit += MORE;
      if (waiting < MORE && !this.end) await this.older();
    } catch (error) {
      failed(error);
      this.fruitless = FRUITLESS_MAX;
    } finally {
      this.growing = false;
    }
    this.draw();
    const grown = this.list.children.length !== before;
    this.fruitless = grown ? 0 : this.fruitless + 1;
    // The observer tells of changes alone, and a filter may let nothing of a page through.
    if (this.near && this.left && this.fruitless < FRUITLESS_MAX) setTimeout(() => this.near && this.grow(), 0);
    return grown;
  }

  #watchEnd() {
    this.more.addEventListener("click", () => { this.fruitless = 0; this.grow(); });
    new IntersectionObserver((seen) => {
      this.near = seen.at(-1).isIntersecting;
      if (this.near) this.grow();
    }, { rootMargin: "1200px" }).observe(this.more);
  }

  /** The card that has the focus, if one has. */
  get current() {
    return document.activeElement?.closest?.(".story")?.card ?? null;
  }

  /** Move the focus by so many stories; the first one where none has it. */
  async step(by) {
    const now = this.current?.element;
    let next = now ? (by > 0 ? now.nextElementSibling : now.previousElementSibling) : this.list.firstElementChild;
    if (!next && now && by > 0 && this.left) {
      await this.grow();
      next = now.nextElementSibling;
    }
    next?.focus({ preventScroll: true });
    next?.scrollIntoView({ block: "nearest" });
  }
}
