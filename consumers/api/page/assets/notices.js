// What the page tells in passing: to everyone at the lower edge, to screen readers in a quiet region.

import { $, button, h, icon } from "./dom.js";

const SHOWN_MS = 9_000;
const SAID_EVERY_MS = 3_000;
let undo = null;
const underWay = new Set();

/** What is being done, which "Undo" waits for: it takes back the newest thing asked, not the newest that is through. */
export function doing(work) {
  underWay.add(work);
  return work.finally(() => underWay.delete(work));
}

/** Show a line for a while; `action` {label, run} puts a button beside it. `kind`: "done" or "error". */
export function notice(text, { kind = "done", action = null } = {}) {
  const line = h("div", { class: `notice ${kind}`, role: kind === "error" ? "alert" : "status" });
  const close = () => { line.remove(); if (undo === act) undo = null; };
  const act = action && (() => { close(); action.run(); });
  line.append(icon(kind === "error" ? "warn" : "done"), h("span", { dir: "auto" }, text));
  if (act) {
    line.append(button(action.label, { class: "quiet", onclick: act }));
    undo = act;
  }
  line.append(h("button", { type: "button", class: "close", "aria-label": "Dismiss", onclick: close }, icon("close")));
  let timer = setTimeout(close, SHOWN_MS);
  for (const event of ["pointerenter", "focusin"]) line.addEventListener(event, () => clearTimeout(timer));
  for (const event of ["pointerleave", "focusout"]) {
    line.addEventListener(event, () => { clearTimeout(timer); timer = setTimeout(close, SHOWN_MS); });
  }
  const lines = $("notices");
  lines.append(line);
  while (lines.children.length > 3) lines.firstElementChild.remove();
}

export const failed = (error) => notice(error.message, { kind: "error" });

/** Do what the newest "Undo" would, once what is under way is through. */
export async function undoLast() {
  await Promise.allSettled(underWay);
  undo?.();
}

let waiting = [];
let timer = null;

/** Tell screen readers, at most every few seconds and all at once. */
export function say(text) {
  waiting.push(text);
  timer ??= setTimeout(() => {
    timer = null;
    $("said").textContent = waiting.length > 3 ? `${waiting.length} new alerts` : waiting.join(". ");
    waiting = [];
  }, SAID_EVERY_MS);
}
