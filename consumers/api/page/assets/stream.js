// The stream of alerts: read with fetch, since EventSource can send no token, and taken up again where it broke off.

import { authorised, supplyToken } from "./api.js";

const WAIT_MS_MIN = 500;
const WAIT_MS_MAX = 15_000;
/** The server says something every 15 seconds; after so long without a byte the connection is dead. */
const SILENCE_MS_MAX = 40_000;
/** So many failures in a row are told as "offline" rather than "reconnecting". */
const FAILURES_MAX = 4;

/** Takes text as it comes and gives whole server-sent events: [{event, data, id}]. */
export class EventParser {
  #rest = "";
  #fields = { data: [] };

  take(chunk) {
    const lines = (this.#rest + chunk).split(/\r\n|\n|\r(?!$)/u);
    this.#rest = lines.pop();
    const events = [];
    for (const line of lines) {
      if (line === "") {
        const { event, data, id } = this.#fields;
        if (data.length) events.push({ event: event ?? "message", data: data.join("\n"), id });
        this.#fields = { data: [] };
      } else if (!line.startsWith(":")) this.#field(line);
    }
    return events;
  }

  #field(line) {
    const colon = line.indexOf(":");
    const name = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /u, "");
    if (name === "data") this.#fields.data.push(value);
    else if (name === "event" || name === "id") this.#fields[name] = value;
  }
}

/**
 * Follows the stream for ever from `after`. Calls `onAlert(alert, cursor)`, `onReset(reason)`, and `onState(state)` with
 * "connecting", "live", "reconnecting" or "offline". `wake()` tries again at once.
 */
export class AlertStream {
  #failures = 0;
  #wake = null;
  #abort = null;

  constructor({ after, onAlert, onReset, onState }) {
    Object.assign(this, { after, onAlert, onReset, onState });
    this.stopped = false;
  }

  async run() {
    this.onState("connecting");
    while (!this.stopped) {
      const more = await this.#once();
      if (this.stopped) return;
      this.#failures += 1;
      this.onState(!navigator.onLine || this.#failures >= FAILURES_MAX ? "offline" : "reconnecting");
      if (more) await this.#wait();
    }
  }

  stop() {
    this.stopped = true;
    this.#abort?.abort();
    this.#wake?.();
  }

  wake() {
    this.#wake?.();
  }

  async #once() {
    this.#abort = new AbortController();
    let watch;
    const alive = () => {
      clearTimeout(watch);
      watch = setTimeout(() => this.#abort.abort(), SILENCE_MS_MAX);
    };
    try {
      alive();
      const answer = await fetch("/v1/alerts/stream", {
        headers: authorised({ Accept: "text/event-stream", ...(this.after ? { "Last-Event-ID": this.after } : {}) }),
        cache: "no-store",
        signal: this.#abort.signal,
      });
      if (answer.status === 401) return !(await supplyToken(null));
      if (!answer.ok) return true;
      await this.#read(answer.body.pipeThrough(new TextDecoderStream()).getReader(), alive);
    } catch {
      // The connection broke off: that is what coming back is for.
    } finally {
      clearTimeout(watch);
    }
    return true;
  }

  async #read(reader, alive) {
    const parser = new EventParser();
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return;
      alive();
      if (this.#failures || !this.live) this.onState("live");
      this.live = true;
      this.#failures = 0;
      for (const each of parser.take(value)) this.#tell(each);
    }
  }

  #tell({ event, data, id }) {
    if (id) this.after = id;
    if (event === "reset") this.onReset(JSON.parse(data).reason);
    else if (event === "alert") this.onAlert(JSON.parse(data), id);
  }

  #wait() {
    const most = Math.min(WAIT_MS_MAX, WAIT_MS_MIN * 2 ** (this.#failures - 1));
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, most / 2 + (Math.random() * most) / 2);
      this.#wake = () => { clearTimeout(timer); resolve(); };
    }).finally(() => { this.#wake = null; });
  }
}
