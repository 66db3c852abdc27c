// What readers do with alerts: shown at once, told to the server, and taken back where the server refuses.

import { offers, request } from "./api.js";
import { failed, notice } from "./notices.js";
import { plural } from "./text.js";

export const can = {
  acknowledge: () => offers("PUT /v1/alerts/{}/acknowledgement"),
  verdict: () => offers("PUT /v1/alerts/{}/verdict"),
  silence: () => offers("POST /v1/silences"),
};

const VERDICTS = { true: "a true alert", false: "a false alert", unsure: "unsure" };
const address = (id, what) => `/v1/alerts/${encodeURIComponent(id)}/${what}`;

export class Actions {
  constructor(desk) {
    this.desk = desk;
    this.name = "you";
    this.busy = new Set();
  }

  /** Acknowledge the alerts of a story, or take that back where all are acknowledged. */
  async acknowledge(story) {
    const key = `acknowledge ${story.key}`;
    if (!can.acknowledge() || this.busy.has(key)) return;
    if (story.acknowledged) return this.#forget(story.alerts.map((alert) => alert.id));
    const ids = story.alerts.filter((alert) => !alert.life?.acknowledged).map((alert) => alert.id);
    const acknowledged = { by: this.name, at: new Date().toISOString(), comment: "" };
    const done = await this.#all(key, ids, { acknowledged }, (id) =>
      request("PUT", address(id, "acknowledgement"), { body: {} }));
    if (done) notice("Acknowledged: it will not repeat.", { action: { label: "Undo", run: () => this.#forget(ids) } });
  }

  async #forget(ids) {
    const done = await this.#all(ids[0], ids, { acknowledged: null }, (id) =>
      request("DELETE", address(id, "acknowledgement")));
    if (done) notice("No longer acknowledged.");
  }

  /** Say whether an alert was right: "true", "false" or "unsure". The same value again changes nothing. */
  async verdict(alerts, value) {
    const key = `verdict ${alerts[0].id}`;
    if (!can.verdict() || this.busy.has(key)) return;
    const before = new Map(alerts.map((alert) => [alert.id, alert.life?.verdict ?? null]));
    const wanted = alerts.filter((alert) => before.get(alert.id)?.value !== value).map((alert) => alert.id);
    if (!wanted.length) return;
    const verdict = { value, by: this.name, at: new Date().toISOString(), comment: "" };
    const done = await this.#all(key, wanted, { verdict }, (id) => request("PUT", address(id, "verdict"), { body: { value } }));
    if (!done) return;
    const restore = async () => {
      for (const id of wanted) {
        const { value: old } = before.get(id) ?? { value: null };
        await this.#all(key, [id], { verdict: before.get(id) }, () => old
          ? request("PUT", address(id, "verdict"), { body: { value: old } })
          : request("DELETE", address(id, "verdict")));
      }
    };
    const action = offers("DELETE /v1/alerts/{}/verdict") || wanted.every((id) => before.get(id))
      ? { label: "Undo", run: restore } : null;
    notice(`Noted: ${VERDICTS[value]}.`, { action });
  }

  /** Make a silence; `alerts` are shown as silenced at once. Resolves to whether it was made. */
  async silence(body, alerts) {
    const back = alerts.map((alert) => this.desk.say(alert.id, { silences: [...(alert.life?.silences ?? []), "new"] }));
    try {
      const { data } = await request("POST", "/v1/silences", { body });
      back.forEach((undo) => undo());
      for (const { id } of alerts) {
        this.desk.say(id, { silences: [...(this.desk.get(id)?.life?.silences ?? []), data.id] });
      }
      notice("Silenced: nobody is notified.", { action: { label: "Undo", run: () => this.unsilence(data.id) } });
      return true;
    } catch (error) {
      back.forEach((undo) => undo());
      throw error;
    }
  }

  /** End a silence now. */
  async unsilence(id) {
    try {
      await request("DELETE", `/v1/silences/${encodeURIComponent(id)}`);
      for (const story of this.desk.stories.values()) {
        for (const alert of story.alerts) {
          if (!alert.life?.silences?.includes(id)) continue;
          this.desk.say(alert.id, { silences: alert.life.silences.filter((each) => each !== id) });
        }
      }
      notice("The silence has ended.");
    } catch (error) {
      failed(error);
    }
  }

  async #all(key, ids, change, ask) {
    this.busy.add(key);
    const back = new Map(ids.map((id) => [id, this.desk.say(id, change)]));
    const answers = await Promise.allSettled(ids.map(ask));
    this.busy.delete(key);
    const wrong = answers.flatMap((answer, n) => (answer.status === "rejected" ? [{ id: ids[n], why: answer.reason }] : []));
    for (const { id } of wrong) back.get(id)();
    if (wrong.length) {
      const what = wrong.length === 1 ? "It was not saved" : `${plural(wrong.length, "change")} not saved`;
      notice(`${what}. ${wrong[0].why.message}`, { kind: "error" });
    }
    return wrong.length === 0;
  }
}
