// Single keys. They are off while someone types, while a dialog is open, and for whoever switched them off.

import { isOpen, showHelp } from "./dialogs.js";
import { $ } from "./dom.js";
import { undoLast } from "./notices.js";

const OFF = "wirewatch.keys-off";

const isOff = () => { try { return localStorage.getItem(OFF) === "1"; } catch { return false; } };

function set(on) {
  try {
    if (on) localStorage.removeItem(OFF);
    else localStorage.setItem(OFF, "1");
  } catch { /* Not kept, then. */ }
}

export const help = () => showHelp(!isOff(), set);

/** Listen for keys. `act(name, card)` does what a button of that name does. */
export function listen({ feed, place, act }) {
  const onStory = { a: "acknowledge", t: "true", f: "false", u: "unsure", s: "silence", v: "article" };
  const search = () => {
    if (place.view !== "alerts") place.go({ view: "alerts" });
    $("search").focus();
    $("search").select();
  };
  const anywhere = { "?": help, "/": search, z: undoLast };
  const inList = { j: () => feed.step(1), k: () => feed.step(-1), n: () => feed.release() };

  addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || isOpen()) return;
    if (event.key === "Escape" && document.activeElement === $("search")) {
      document.activeElement.blur();
      return;
    }
    if (event.target.closest("input, textarea, select, [contenteditable]")) return;
    if (event.key === "Enter") {
      if (event.target.classList.contains("story")) act("details", event.target.card);
      return;
    }
    if (isOff()) return;
    const card = feed.current;
    const does = anywhere[event.key] ?? (place.view === "alerts" && (inList[event.key] ??
      (card && onStory[event.key] && (() => act(onStory[event.key], card)))));
    if (!does) return;
    event.preventDefault();
    does();
  });
}
