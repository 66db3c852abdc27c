// A text area for files of lines: numbers beside it, faults marked at their line, the tab key left to the keyboard.

import { h, replace } from "./dom.js";

const CHECK_MS = 400;

export class Editor {
  /** `onEdit(text)` is called when the reader has stopped typing for a moment; `label`: what the text is. */
  constructor(label, onEdit) {
    this.area = h("textarea", { spellcheck: "false", autocapitalize: "off", autocomplete: "off", wrap: "off", "aria-label": label });
    this.lines = h("div", { class: "lines", "aria-hidden": "true" });
    this.element = h("div", { class: "editor" }, this.lines, this.area);
    let timer = null;
    this.area.addEventListener("input", () => {
      this.#number();
      clearTimeout(timer);
      timer = setTimeout(() => onEdit(this.text), CHECK_MS);
    });
    this.area.addEventListener("scroll", () => { this.lines.scrollTop = this.area.scrollTop; }, { passive: true });
    this.wrong = new Set();
  }

  get text() {
    return this.area.value;
  }

  set text(text) {
    this.area.value = text;
    this.mark([]);
  }

  /** Mark the lines (from 1) that something is wrong with. */
  mark(lines) {
    this.wrong = new Set(lines);
    this.area.setAttribute("aria-invalid", String(this.wrong.size > 0));
    this.shown = 0;
    this.#number();
  }

  /** Put the cursor at the start of a line. */
  go(line) {
    const before = this.text.split("\n").slice(0, line - 1);
    const at = before.reduce((sum, each) => sum + each.length + 1, 0);
    this.area.focus();
    this.area.setSelectionRange(at, at + (this.text.slice(at).split("\n", 1)[0].length));
    this.area.scrollTop = Math.max(0, (line - 6) * 20);
  }

  #number() {
    const count = this.text.split("\n").length;
    if (count === this.shown) return;
    this.shown = count;
    replace(this.lines, Array.from({ length: count }, (_, n) =>
      h("span", { class: this.wrong.has(n + 1) ? "wrong" : null }, String(n + 1))));
    this.lines.scrollTop = this.area.scrollTop;
  }
}
