// Pictures out of counts: hours as bars, pairs as a grid. Beside each stands a table that says the same.

import { h, s } from "./dom.js";
import { clean, hue, plural } from "./text.js";
import { clock, dayOf } from "./time.js";

const HOUR = 3_600_000;

/** Rows of `/v1/counters?by=hour` as one number for each of the last `hours` hours, the oldest first: [[moment, n]]. */
export function byHour(rows, hours, now = Date.now()) {
  const last = Math.floor(now / HOUR) * HOUR;
  const counts = new Map(rows.map((row) => [Date.parse(row.key), row.articles]));
  return Array.from({ length: hours }, (_, n) => {
    const moment = last - (hours - 1 - n) * HOUR;
    return [moment, counts.get(moment) ?? 0];
  });
}

const hourName = (moment) => `${dayOf(moment)}, ${clock(moment)}`;

/** A line of bars without axes, for a glance. */
export function spark(series, actor, name) {
  const most = Math.max(1, ...series.map(([, count]) => count));
  const width = series.length * 6;
  return s("svg", { class: `spark ${hue(actor)}`, viewBox: `0 0 ${width} 28`, preserveAspectRatio: "none", role: "img",
    "aria-label": `${clean(name)}: ${plural(total(series), "article")} in 24 hours, at most ${most} in one` },
  series.map(([, count], n) => {
    const height = count ? Math.max(2.5, (count / most) * 27) : 1;
    return s("rect", { class: count ? "bar" : "bar none", x: n * 6, y: 28 - height, width: 4.6, height, rx: 1 });
  }));
}

export const total = (series) => series.reduce((sum, [, count]) => sum + count, 0);

/** A timeline with axes, `width` pixels wide. `most`: what the whole height stands for, so that several compare. */
export function timeline(series, actor, name, most, width) {
  const [height, left, top, foot] = [128, 34, 10, 22];
  const step = (width - left) / series.length;
  const scale = (height - top - foot) / most;
  const base = height - foot;
  const days = series.length > 48;
  const every = days ? 24 : width < 500 ? 6 : 3;
  const ticks = series.filter(([moment]) => new Date(moment).getHours() % every === 0);
  const at = (moment) => left + ((moment - series[0][0]) / HOUR) * step;
  return s("svg", { class: `timeline ${hue(actor)}`, viewBox: `0 0 ${width} ${height}`, role: "img",
    "aria-label": `${clean(name)}: ${plural(total(series), "article")}; the table below has each hour` },
  [most, Math.round(most / 2)].filter((each, n) => n === 0 || each < most && each > 0).map((each) => s("g", { class: "grid" },
    s("line", { x1: left, x2: width, y1: base - each * scale, y2: base - each * scale }),
    s("text", { x: left - 6, y: base - each * scale + 4, "text-anchor": "end" }, each.toLocaleString("en")))),
  s("line", { class: "base", x1: left, x2: width, y1: base + 0.5, y2: base + 0.5 }),
  series.map(([moment, count]) => count > 0 && s("rect", { class: "bar", x: at(moment) + step * 0.12, width: step * 0.76,
    y: base - Math.max(1.5, count * scale), height: Math.max(1.5, count * scale), rx: Math.min(2, step / 4) },
  s("title", {}, `${hourName(moment)}: ${plural(count, "article")}`))),
  ticks.map(([moment]) => s("text", { class: "tick", x: at(moment), y: height - 5, "text-anchor": days ? "start" : "middle" },
    days ? (width < 700 ? dayOf(moment).split(",")[0].slice(0, 3) : dayOf(moment)) : clock(moment))));
}

/** The hours of a timeline that have anything, as a table that opens. */
export function hourTable(series, name) {
  const rows = series.filter(([, count]) => count).reverse().map(([moment, count]) =>
    h("tr", {}, h("th", { scope: "row" }, hourName(moment)), h("td", { class: "number" }, count.toLocaleString("en"))));
  return tableOf(`Articles that name ${clean(name)}, by hour`, ["Hour", "Articles"], rows);
}

/** A table behind a "Table" switch. */
export function tableOf(caption, heads, rows) {
  return h("details", { class: "table" }, h("summary", {}, "As a table"),
    h("table", {}, h("caption", {}, caption), h("thead", {}, h("tr", {}, heads.map((each) => h("th", { scope: "col" }, each)))),
      h("tbody", {}, rows.length ? rows : h("tr", {}, h("td", { colspan: heads.length }, "none")))));
}

/** Who is named together how often, as a grid of actors; the darker the more. `pairs`: [{a, b, articles}]. */
export function pairGrid(pairs, names) {
  const ids = [...new Set(pairs.flatMap(({ a, b }) => [a, b]))].slice(0, 12);
  const counts = new Map(pairs.flatMap(({ a, b, articles }) => [[`${a} ${b}`, articles], [`${b} ${a}`, articles]]));
  const most = Math.max(1, ...counts.values());
  const [cell, left, top] = [92, 132, 30];
  const width = left + ids.length * cell;
  const height = top + ids.length * cell * 0.62;
  const short = (id) => { const name = clean(names(id)); return name.length > 16 ? `${name.slice(0, 15)}…` : name; };
  return s("svg", { class: "pairs", viewBox: `0 0 ${width} ${height}`, width, height, role: "img",
    "aria-label": "How often actors are named in one article; the table below has the numbers" },
  ids.map((id, n) => s("g", {},
    s("text", { x: left - 10, y: top + (n + 0.5) * cell * 0.62 + 4, "text-anchor": "end" }, short(id)),
    s("text", { x: left + (n + 0.5) * cell, y: top - 10, "text-anchor": "middle" }, short(id).slice(0, 13)))),
  ids.flatMap((a, row) => ids.map((b, column) => {
    const count = a === b ? null : counts.get(`${a} ${b}`) ?? 0;
    const [x, y] = [left + column * cell, top + row * cell * 0.62];
    const share = count ? 0.14 + 0.86 * (count / most) : 0;
    return s("g", { class: count === null ? "same" : share > 0.55 ? "strong" : "weak" },
      s("rect", { x: x + 1.5, y: y + 1.5, width: cell - 3, height: cell * 0.62 - 3, rx: 5, "fill-opacity": count === null ? 1 : share }),
      count ? s("text", { x: x + cell / 2, y: y + cell * 0.31 + 4, "text-anchor": "middle" }, count.toLocaleString("en")) : null);
  })));
}
