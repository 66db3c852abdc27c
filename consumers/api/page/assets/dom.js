// Elements out of data. Text becomes text nodes only, so that nothing from the net is ever read as markup.

const SVG = "http://www.w3.org/2000/svg";

/** An element. `props`: attributes, `on…` listeners, `class`; null and false leave an attribute out. */
export function h(tag, props, ...children) {
  return fill(document.createElement(tag), props, children);
}

/** The same for SVG. */
export function s(tag, props, ...children) {
  return fill(document.createElementNS(SVG, tag), props, children);
}

function fill(element, props, children) {
  for (const [name, value] of Object.entries(props ?? {})) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : String(value));
  }
  append(element, children);
  return element;
}

function append(element, children) {
  for (const child of children) {
    if (child === null || child === undefined || child === false) continue;
    if (Array.isArray(child)) append(element, child);
    else element.append(child instanceof Node ? child : String(child));
  }
}

/** Put `children` in the place of all that an element holds. */
export function replace(element, ...children) {
  element.replaceChildren();
  append(element, children);
  return element;
}

/** One of the pictures of index.html's sprite; says nothing to screen readers. */
export function icon(name) {
  return s("svg", { class: "icon", "aria-hidden": "true", focusable: "false" }, s("use", { href: `#i-${name}` }));
}

/** A button with a picture and words. */
export function button(label, props, picture) {
  return h("button", { type: "button", ...props }, picture && icon(picture), h("span", {}, label));
}

export const $ = (id) => document.getElementById(id);
