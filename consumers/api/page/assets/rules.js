// The rules in use: how right each has been, and an editor that says what a change would do before it is saved.

import { ApiError, offers, request } from "./api.js";
import { marked } from "./card.js";
import { h, button, replace, s } from "./dom.js";
import { Editor } from "./editor.js";
import { notice } from "./notices.js";
import { clean, langOf, plural } from "./text.js";
import { timeOf } from "./time.js";

const SPANS = [["24h", "last 24 hours"], ["7d", "last 7 days"], ["30d", "last 30 days"]];
const SAMPLES_MAX = 12;
const ORIGINS = { saved: "saved", file: "from the file", shipped: "those that ship with Wirewatch" };
const KINDS = { spike: "unusual rate", "new-pair": "new pair", "silent-source": "source gone silent" };

/** Draw the view into `box`; returns what ends it. */
export async function draw({ box, place }) {
  const view = new RulesView(box, place);
  await view.load();
  const leaving = (event) => { if (view.changed) event.preventDefault(); };
  addEventListener("beforeunload", leaving);
  return () => removeEventListener("beforeunload", leaving);
}

class RulesView {
  constructor(box, place) {
    Object.assign(this, { box, place });
    this.editor = new Editor("Rules, as YAML", () => this.edited());
    this.said = h("div", { "aria-live": "polite" });
    this.outcome = h("div", { "aria-live": "polite" });
    this.note = h("div", { role: "alert" });
    this.list = h("ul", { class: "rule-list" });
    this.origin = h("span", { class: "soft" });
    this.span = h("select", { "aria-label": "Time of the preview" }, SPANS.map(([value, label]) => h("option", { value }, label)));
    this.save = button("Save", { class: "main", onclick: () => this.put() });
    this.preview = button("Preview", { class: "plain", onclick: () => this.backtest() });
    this.back = button("Back to the file", { class: "quiet push", onclick: () => this.toFile() });
    this.drop = button("Discard my changes", { class: "quiet", onclick: () => this.load() });
  }

  get changed() {
    return this.editor.text !== this.kept;
  }

  async load() {
    const { data, etag } = await request("GET", "/v1/rules");
    this.take(data, etag);
    replace(this.note);
    replace(this.outcome);
    replace(this.box, h("div", { class: "bar" }, h("h1", {}, "Rules ", this.origin)), this.note,
      h("div", { class: "rules" },
        h("section", { class: "panel" }, h("h2", {}, "In use"), this.list),
        h("section", { class: "panel" }, h("h2", {}, "Edit"), this.editor.element, this.said,
          h("div", { class: "row tools" }, offers("PUT /v1/rules") && this.save,
            offers("POST /v1/rules/backtest") && [this.preview, h("div", {}, this.span)], this.drop,
            offers("DELETE /v1/rules") && this.back),
          this.outcome)));
  }

  take(data, etag) {
    this.etag = etag;
    this.kept = data.text;
    this.editor.text = data.text;
    const saved = data.origin === "saved";
    replace(this.origin, ` ${plural(data.rules.length, "rule")}, ${ORIGINS[data.origin] ?? data.origin}`,
      saved && data.by && [` by ${clean(data.by)} `, timeOf(data.at)], `, version ${data.version.slice(0, 12)}`);
    this.back.hidden = !saved;
    replace(this.list, data.rules.map((rule) => this.rule(rule)));
    this.buttons(true);
  }

  rule(rule) {
    return h("li", {},
      h("div", { class: "row" }, h("span", { class: "name" }, clean(rule.id)), h("span", { class: `severity ${rule.severity}` }, rule.severity),
        rule.kind !== "article" && h("span", { class: "tag" }, KINDS[rule.kind] ?? rule.kind), !rule.enabled && h("span", { class: "tag" }, "off"),
        button("Its alerts", { class: "quiet push", "aria-label": `Alerts of ${clean(rule.id)}`,
          onclick: () => this.place.go({ view: "alerts", filters: { rule: rule.id }, only: true }) })),
      rule.summary && h("p", { class: "soft" }, clean(rule.summary)),
      precision(rule.verdicts));
  }

  buttons(valid) {
    this.save.disabled = !valid || !this.changed;
    this.preview.disabled = !valid;
    this.drop.hidden = !this.changed;
  }

  async edited() {
    this.buttons(false);
    if (!offers("POST /v1/rules/check")) return this.buttons(true);
    const number = (this.checks = (this.checks ?? 0) + 1);
    try {
      const { data } = await request("POST", "/v1/rules/check", { body: { text: this.editor.text } });
      if (number === this.checks) this.faults(problems(data));
    } catch (error) {
      if (number === this.checks) this.faults(error.status === 422 ? problems(error.refusal) : [{ line: null, what: error.message }]);
    }
  }

  faults(found) {
    this.editor.mark(found.map(({ line }) => line).filter(Boolean));
    replace(this.said, found.length > 0 && h("div", { class: "faults" }, found.map(({ line, what }) =>
      h("button", { type: "button", onclick: () => line && this.editor.go(line) }, line ? h("b", {}, `Line ${line}`) : null, h("span", {}, clean(what))))));
    this.buttons(found.length === 0);
  }

  async backtest() {
    this.preview.disabled = true;
    replace(this.outcome, h("p", { class: "soft" }, "Running these rules over the articles of the log …"));
    try {
      const { data } = await request("POST", "/v1/rules/backtest", { body: { text: this.editor.text, since: this.span.value } });
      replace(this.outcome, told(data));
    } catch (error) {
      replace(this.outcome, h("p", { class: "bad", role: "alert" }, error.message));
      if (error.status === 422) this.faults(problems(error.refusal));
    }
    this.preview.disabled = false;
  }

  async put() {
    this.save.disabled = true;
    try {
      const { data, etag } = await request("PUT", "/v1/rules", { body: { text: this.editor.text }, headers: { "If-Match": this.etag } });
      this.take(data, etag);
      replace(this.note);
      notice("Saved: the rules are in use within seconds.");
    } catch (error) {
      this.refused(error);
    }
  }

  async toFile() {
    try {
      await request("DELETE", "/v1/rules", { headers: { "If-Match": this.etag } });
      await this.load();
      notice("The rules of the file are in use again.");
    } catch (error) {
      this.refused(error);
    }
  }

  refused(error) {
    this.buttons(true);
    if (!(error instanceof ApiError)) throw error;
    if (error.status === 422) return this.faults(problems(error.refusal));
    if (error.status !== 412 && error.status !== 409) return void notice(error.message, { kind: "error" });
    replace(this.note, h("div", { class: "note" },
      h("p", {}, h("b", {}, "Somebody else has saved other rules meanwhile. "), "Yours are still here, and not saved."),
      h("div", { class: "row" }, button("Take theirs, and lose mine", { class: "plain", onclick: () => this.load() }),
        button("Keep mine, over theirs", { class: "plain", onclick: () => this.over() }))));
  }

  async over() {
    this.etag = (await request("GET", "/v1/rules")).etag;
    await this.put();
  }
}

/** What is wrong with rules: [{line, what}]; `where` is "rules:LINE", or names no line. */
function problems(data) {
  const found = data?.problems ?? [];
  if (!found.length && data?.detail) return [{ line: null, what: data.detail }];
  return found.map(({ where, what }) => ({ line: Number(/:(\d+)$/u.exec(where)?.[1]) || null, what }));
}

/** A bar of verdicts, and the figure. */
function precision(said) {
  const counts = [["true", said.true ?? 0], ["false", said.false ?? 0], ["unsure", said.unsure ?? 0]];
  const all = counts.reduce((sum, [, count]) => sum + count, 0);
  const judged = counts[0][1] + counts[1][1];
  let at = 0;
  const parts = counts.map(([word, count]) => {
    const width = all ? (count / all) * 100 : 0;
    const part = width ? s("rect", { class: word, x: at, width, height: 8 }) : null;
    at += width;
    return part;
  });
  return h("div", { class: "precision" },
    s("svg", { viewBox: "0 0 100 8", preserveAspectRatio: "none", "aria-hidden": "true" }, all ? parts : s("rect", { class: "none", width: 100, height: 8 })),
    h("span", {}, judged ? `${Math.round((counts[0][1] / judged) * 100)} % true of ${plural(judged, "verdict")}` : "no verdicts yet",
      counts[2][1] ? `, ${counts[2][1]} unsure` : ""));
}

/** What a backtest found: figures, each rule, and alerts that would be new or gone. */
function told(data) {
  const figure = (value, label, before) => h("div", {}, h("b", {}, shown(value)),
    h("span", {}, label, before !== undefined && ` (now ${shown(before)})`));
  const rows = data.rules.map((each) => h("tr", {}, h("th", { scope: "row" }, h("code", {}, clean(each.rule))),
    [each.alerts, each.alerts_per_day, each.new, each.gone].map((value) => h("td", { class: "number" }, shown(value)))));
  const telling = data.samples.filter((each) => each.change !== "same");
  const samples = (telling.length ? telling : data.samples).slice(0, SAMPLES_MAX);
  return [
    h("h3", {}, "What they would have raised"),
    !data.complete && h("p", { class: "note" }, "Not the whole time was looked at: there are too many articles in it."),
    h("div", { class: "figures" }, figure(data.alerts, "alerts", data.alerts_before), figure(data.stories, "stories", data.stories_before),
      data.days >= 1 && figure(data.alerts_per_day, "alerts a day", data.alerts_per_day_before), figure(data.articles, "articles"),
      figure(data.new, "new"), figure(data.gone, "gone")),
    h("div", { class: "scrolls", tabindex: "0", role: "region", "aria-label": "Each rule" }, h("table", {},
      h("thead", {}, h("tr", {}, ["Rule", "Alerts", "A day", "New", "Gone"].map((each, n) =>
        h("th", { scope: "col", class: n ? "number" : null }, each)))), h("tbody", {}, rows))),
    samples.length > 0 && h("ul", { class: "samples" }, samples.map(({ alert, change }) => sample(alert, change))),
  ];
}

const shown = (value) => value.toLocaleString("en", { maximumFractionDigits: 1 });
const CHANGES = { new: "new", gone: "gone", same: "as now" };

function sample(alert, change) {
  const [first] = alert.sentences;
  return h("li", { class: change },
    h("div", { class: "row" }, h("span", { class: `severity ${alert.severity}` }, alert.severity), h("span", { class: "tag" }, CHANGES[change] ?? change),
      h("code", {}, clean(alert.rule))),
    h("p", { dir: "auto", lang: langOf(alert.language) }, h("b", {}, clean(alert.title))),
    first && first.text !== alert.title && marked(first.text, first.highlights, alert.language, "p", { class: "said" }));
}
