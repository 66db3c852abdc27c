// The view and its filters live in the address, so that what one person sees can be sent to another.

const NAMES = ["actor", "rule", "source", "language", "severity", "q", "show"];
export const VIEWS = ["alerts", "actors", "sources", "rules", "deliveries"];

/** {view, filters} of an address' query; what is not known is left out. */
export function read(search) {
  const asked = new URLSearchParams(search);
  const filters = {};
  for (const name of NAMES) if (asked.get(name)) filters[name] = asked.get(name).slice(0, 500);
  const view = asked.get("view");
  return { view: VIEWS.includes(view) ? view : "alerts", filters };
}

/** The address of a view with filters. */
export function write(view, filters) {
  const query = new URLSearchParams();
  if (view !== "alerts") query.set("view", view);
  for (const name of NAMES) if (filters[name]) query.set(name, filters[name]);
  const text = query.toString();
  return text ? `/?${text}` : "/";
}

/** What the API can filter by itself; the rest is sifted here. */
export function forServer({ actor, rule, source, language, severity }) {
  return { actor, rule, source, language, severity };
}

/** Where the reader is. Tells "change" after each move, also when they go back. */
export class Place extends EventTarget {
  constructor() {
    super();
    Object.assign(this, read(location.search));
    addEventListener("popstate", () => {
      Object.assign(this, read(location.search));
      this.dispatchEvent(new Event("change"));
    });
  }

  /** Go to a view, or change filters: null takes one away. Typing replaces the last step of the history. */
  go({ view = this.view, filters = {}, only = false, typing = false }) {
    this.view = view;
    const merged = only ? filters : { ...this.filters, ...filters };
    this.filters = Object.fromEntries(Object.entries(merged).filter(([, value]) => value));
    history[typing ? "replaceState" : "pushState"](null, "", write(view, this.filters));
    this.dispatchEvent(new Event("change"));
  }

  get filtered() {
    return Object.keys(this.filters).some((name) => name !== "show");
  }
}
