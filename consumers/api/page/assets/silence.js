// The dialog that silences: what, for how long, why; and, before it is made, what it would have muted.

import { request } from "./api.js";
import { open } from "./dialogs.js";
import { button, h, replace } from "./dom.js";
import { doing } from "./notices.js";
import { clean, listed, plural } from "./text.js";

const HOURS = [[1, "1 hour"], [4, "4 hours"], [24, "1 day"], [168, "7 days"]];
const SAMPLES = 5;

/** The conditions that a story offers: [{label, matcher, on}]. */
function offered(story) {
  const one = (name, value) => ({ name, op: "=", values: [value] });
  const found = [];
  if (story.lead.story) found.push({ label: "this story", matcher: one("story", story.lead.story), on: true });
  else if (story.lead.id) found.push({ label: "this alert", matcher: one("alert", story.lead.id), on: true });
  for (const actor of story.actors) found.push({ label: `actor ${clean(actor.name)}`, matcher: one("actor", actor.id) });
  for (const rule of new Set(story.alerts.map((alert) => alert.rule))) found.push({ label: `rule ${rule}`, matcher: one("rule", rule) });
  for (const source of story.sources.slice(0, 3)) found.push({ label: `source ${clean(source)}`, matcher: one("source", source) });
  for (const language of story.languages) found.push({ label: `language ${language}`, matcher: one("language", language) });
  return found;
}

/** Ask, and make the silence. */
export function silenceDialog(story, actions) {
  return open("Silence", (close) => {
    const conditions = offered(story).map((each, n) => {
      const box = h("input", { type: "checkbox", id: `matcher-${n}`, onchange: () => look(), "data-first": n === 0 });
      box.checked = Boolean(each.on);
      return { ...each, box };
    });
    const hours = HOURS.map(([value, label], n) => {
      const box = h("input", { type: "radio", name: "hours", id: `hours-${value}`, value });
      box.checked = n === 1;
      return { box, label: h("label", { for: `hours-${value}` }, box, h("span", {}, label)) };
    });
    const comment = h("input", { type: "text", id: "why-silence", maxlength: 1000, autocomplete: "off" });
    const said = h("div", { class: "preview", "aria-live": "polite" });
    const error = h("p", { class: "bad", role: "alert", hidden: true });
    const make = button("Silence", { class: "main", type: "submit" });
    const matchers = () => conditions.filter(({ box }) => box.checked).map(({ matcher }) => matcher);
    let asked = 0;

    async function look() {
      const number = (asked += 1);
      make.disabled = matchers().length === 0;
      if (make.disabled) return void replace(said, h("p", { class: "soft" }, "Choose at least one condition."));
      try {
        const { data } = await request("POST", "/v1/silences/preview", { body: { matchers: matchers(), since: "7d" } });
        if (number === asked) replace(said, muted(data));
      } catch (failure) {
        if (number === asked) replace(said, h("p", { class: "soft" }, `No preview: ${failure.message}`));
      }
    }

    async function submit(event) {
      event.preventDefault();
      make.disabled = true;
      const lasting = Number(hours.find(({ box }) => box.checked).box.value);
      const ends = new Date(Date.now() + lasting * 3_600_000).toISOString();
      try {
        await doing(actions.silence({ matchers: matchers(), ends, comment: comment.value }, story.alerts));
        close(true);
      } catch (failure) {
        error.hidden = false;
        error.textContent = failure.message;
        make.disabled = false;
      }
    }

    look();
    return h("form", { class: "stack", onsubmit: submit },
      h("fieldset", {}, h("legend", {}, "Alerts that fit all of these notify nobody"), h("div", { class: "checks" },
        conditions.map(({ label, box }) => h("label", { class: "check", for: box.id }, box, h("span", { dir: "auto" }, label))))),
      h("fieldset", {}, h("legend", {}, "For"), h("div", { class: "choices" }, hours.map(({ label }) => label))),
      h("label", { for: comment.id }, "Why, for your colleagues"), comment,
      said, error,
      h("div", { class: "row end" }, button("Cancel", { class: "plain", onclick: () => close() }), make));
  });
}

function muted({ looked_at: seen, muted: count, stories, samples }) {
  if (!count) return h("p", {}, `Of the last ${plural(seen, "alert")} it would have muted none.`);
  const titles = (samples ?? []).slice(0, SAMPLES).map((each) => h("li", { dir: "auto" }, clean((each.alert ?? each).title)));
  const rules = [...new Set((samples ?? []).map((each) => (each.alert ?? each).rule))];
  return [
    h("p", {}, h("b", {}, `It would have muted ${count.toLocaleString("en")} of the last ${plural(seen, "alert")}`),
      ` (${plural(stories ?? count, "story", "stories")}${rules.length ? `, by ${listed(rules.slice(0, 3))}` : ""}).`),
    h("ul", {}, titles),
  ];
}
