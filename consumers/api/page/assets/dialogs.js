// Dialogs: the browser's own, so that focus stays inside, Escape closes, and the rest of the page is inert.

import { button, h, icon, replace } from "./dom.js";

let count = 0;

/** A dialog with a heading and `build(close)` inside. Resolves to what it was closed with; Escape gives null. */
export function open(title, build, { wide = false } = {}) {
  return new Promise((resolve) => {
    const id = `dialog-${(count += 1)}`;
    let result = null;
    const back = document.activeElement;
    const dialog = h("dialog", { "aria-labelledby": id, class: wide ? "wide" : null });
    const close = (value = null) => { result = value; dialog.close(); };
    replace(
      dialog,
      h("header", {}, h("h2", { id }, title),
        h("button", { type: "button", class: "close", "aria-label": "Close", onclick: () => close() }, icon("close"))),
      build(close),
    );
    dialog.addEventListener("close", () => {
      dialog.remove();
      if (back?.isConnected) back.focus({ preventScroll: true });
      resolve(result);
    });
    dialog.addEventListener("click", (event) => { if (event.target === dialog) close(); });
    document.body.append(dialog);
    dialog.showModal();
    dialog.querySelector("[data-first]")?.focus();
  });
}

export const isOpen = () => document.querySelector("dialog[open]") !== null;

/** Ask for an API token. */
export function askToken(refusal) {
  return open("This server wants a token", (close) => {
    const field = h("input", { type: "password", id: "token", autocomplete: "off", required: true, "data-first": true });
    const submit = (event) => { event.preventDefault(); if (field.value.trim()) close(field.value.trim()); };
    return h("form", { class: "stack", onsubmit: submit },
      refusal?.reason === "wrong-token" && h("p", { class: "bad", role: "alert" }, "That token is not known here."),
      h("p", {}, "Ask whoever runs it, or make one with ", h("code", {}, "wirewatch tokens new NAME --role admin"), "."),
      h("label", { for: "token" }, "Token"),
      field,
      h("p", { class: "soft" }, "It stays in this tab, and is forgotten when you close it."),
      h("div", { class: "row end" }, button("Use it", { class: "main", type: "submit" })));
  });
}

const KEYS = [
  ["j / k", "next, previous story"],
  ["Enter", "open or close the details"],
  ["v", "read the article, in a new tab"],
  ["a", "acknowledge"],
  ["t / f / u", "verdict: true, false, unsure"],
  ["s", "silence"],
  ["z", "undo"],
  ["n", "show what is new"],
  ["/", "search"],
  ["Esc", "leave the search, close a dialog"],
  ["?", "this list"],
];

/** The list of keys, and the switch that turns them off. */
export function showHelp(keysOn, setKeys) {
  return open("Keys", () => {
    const rows = KEYS.map(([keys, does]) => h("tr", {},
      h("th", { scope: "row" }, keys.split(" / ").map((key, n) => [n > 0 && " ", h("kbd", {}, key)])), h("td", {}, does)));
    const box = h("input", { type: "checkbox", id: "keys-on", onchange: () => setKeys(box.checked) });
    box.checked = keysOn;
    return h("div", { class: "stack" }, h("table", { class: "keys" }, h("tbody", {}, rows)),
      h("label", { class: "check", for: "keys-on" }, box, " Single keys work everywhere on this page"));
  });
}
