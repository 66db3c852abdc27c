// Text from the net: what of it is shown, what is highlighted in it, and which of its addresses may be followed.

const REORDERING = /[\u202a-\u202e\u2066-\u2069\u200e\u200f\u061c]/gu;
const CONTROLS = /[\p{Cc}\p{Cs}\p{Zl}\p{Zp}\u{e0000}-\u{e007f}\ufff9-\ufffb\u00ad\u2060-\u2064\ufeff]/gu;

/** The text without characters that reorder, hide or break what stands beside them. */
export function clean(text) {
  return String(text ?? "").replace(REORDERING, "").replace(CONTROLS, (found) => (/\s/u.test(found) ? " " : "\ufffd"));
}

/**
 * A sentence in pieces: [{text, actor}], `actor` null between the highlights. Offsets count code points, while a
 * JavaScript string is indexed by UTF-16 units, so the text is taken apart by code points first. Of highlights that
 * overlap the first counts; offsets outside the text are cut.
 */
export function pieces(text, highlights) {
  const points = Array.from(text ?? "");
  const found = [];
  let at = 0;
  for (const mark of [...(highlights ?? [])].sort((a, b) => a.start - b.start || b.end - a.end)) {
    const start = Math.max(mark.start, 0);
    const end = Math.min(mark.end, points.length);
    if (start < at || start >= end) continue;
    if (start > at) found.push({ text: points.slice(at, start).join(""), actor: null });
    found.push({ text: points.slice(start, end).join(""), actor: mark.actor });
    at = end;
  }
  if (at < points.length) found.push({ text: points.slice(at).join(""), actor: null });
  return found;
}

/** The address where it is http or https, else null: a link must never run a script. */
export function webAddress(url) {
  try {
    const parsed = new URL(url);
    return parsed.protocol === "http:" || parsed.protocol === "https:" ? parsed.href : null;
  } catch {
    return null;
  }
}

/** A `lang` attribute: the language where it looks like one, else nothing. */
export function langOf(language) {
  return /^[a-z]{2,3}(-[a-z0-9]{2,8})*$/iu.test(language ?? "") ? language : null;
}

const NAMES = typeof Intl.DisplayNames === "function" ? new Intl.DisplayNames(["en"], { type: "language" }) : null;

/** "Dutch" for "nl"; the code itself where it is no known one. */
export function languageName(language) {
  if (!language) return "unknown language";
  try {
    return NAMES?.of(language) ?? language;
  } catch {
    return language;
  }
}

/** One of eight colours, always the same for the same actor. */
export function hue(actor) {
  let sum = 53;
  for (const letter of actor) sum = (sum * 37 + letter.codePointAt(0)) >>> 0;
  return `hue-${(sum >>> 3) % 8}`;
}

export const plural = (count, one, many = `${one}s`) => `${count.toLocaleString("en")} ${count === 1 ? one : many}`;

/** "a, b and c". */
export function listed(names) {
  return names.length < 2 ? names.join("") : `${names.slice(0, -1).join(", ")} and ${names.at(-1)}`;
}
