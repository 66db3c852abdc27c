// Times for people: relative where they are read, absolute in the viewer's zone where they are pointed at.

import { h } from "./dom.js";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const FULL = new Intl.DateTimeFormat("en-GB", { dateStyle: "full", timeStyle: "long" });
const CLOCK = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit" });
const DATE = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", year: "numeric" });
const SHORT = new Intl.DateTimeFormat("en-GB", { weekday: "short", day: "numeric", month: "short" });

/** How long before `now` (milliseconds) a moment was: "just now", "4 min ago", "2 h ago", or a date. */
export function ago(moment, now = Date.now()) {
  const passed = now - Date.parse(moment);
  if (Number.isNaN(passed)) return "";
  if (passed < -MINUTE) return `in ${span(-passed)}`;
  if (passed < MINUTE) return "just now";
  if (passed < 7 * DAY) return `${span(passed)} ago`;
  return DATE.format(new Date(moment));
}

/** A length of time (milliseconds) in one unit: "4 min", "2 h", "3 days". */
export function span(milliseconds) {
  if (milliseconds < HOUR) return `${Math.max(1, Math.floor(milliseconds / MINUTE))} min`;
  if (milliseconds < DAY) return `${Math.floor(milliseconds / HOUR)} h`;
  const days = Math.floor(milliseconds / DAY);
  return `${days} ${days === 1 ? "day" : "days"}`;
}

export const absolute = (moment) => FULL.format(new Date(moment));
export const clock = (moment) => CLOCK.format(new Date(moment));
export const dayOf = (moment) => SHORT.format(new Date(moment));

/** A `<time>` that `refresh` keeps true; nothing for no moment. */
export function timeOf(moment, prefix = "") {
  if (!moment || Number.isNaN(Date.parse(moment))) return null;
  const shown = prefix + ago(moment);
  return h("time", { datetime: moment, title: absolute(moment), "data-prefix": prefix }, shown);
}

/** Say all relative times on the page anew. */
export function refresh(root = document) {
  for (const each of root.querySelectorAll("time[data-prefix]")) {
    const shown = each.dataset.prefix + ago(each.dateTime);
    if (each.textContent !== shown) each.textContent = shown;
  }
}
