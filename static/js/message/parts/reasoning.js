import { gettext, ngettext, interpolate } from "../../ui/i18n.js";
import { FramePump } from "../../markdown/pump.js";
import { part } from "../../ui/template_parts.js";

const SECOND_MS = 1_000;

/**
 * A model's thoughts as they arrive: open while it thinks, folded into one line when that is over, unless the reader
 * has opened or closed them. A member's are always folded.
 *
 * How long it took is what the server says. A measurement here would differ after a reload.
 */
export class Drawn {
  /** @type {HTMLDetailsElement} */
  #root;
  #text = document.createTextNode("");
  #pump = new FramePump({ draw: (text) => this.#text.appendData(text) });
  #since = Date.now();
  #tookMs = 0;
  #thinking = true;
  #touched = false;
  /** @type {ReturnType<typeof setInterval> | undefined} */
  #timer;

  /** @param {HTMLDetailsElement} root @param {import("../answer_part.js").Options} options */
  constructor(root, { own }) {
    this.#root = root;
    root.hidden = true;
    root.open = own;
    part(root, "thoughts").append(this.#text);
    root.querySelector("summary")?.addEventListener("click", () => (this.#touched = true));
    this.#timer = setInterval(() => this.#drawTitle(), SECOND_MS);
    this.#drawTitle();
  }

  /** @param {string} _name @param {{ text: string, duration_ms?: number }} thought */
  hear(_name, { text, duration_ms: tookMs }) {
    if (text) this.#root.hidden = false;
    const painted = this.#pump.write(text);
    if (tookMs === undefined) return painted;
    this.#tookMs += tookMs;
    this.#fold();
    this.#drawTitle();
    return painted;
  }

  settle() {
    this.#fold();
    this.#text.appendData(this.#pump.take());
  }

  end() {
    this.settle();
  }

  close() {
    clearInterval(this.#timer);
    this.#pump.close();
  }

  /** The first time that it ends. */
  #fold() {
    void this.#pump.flush();
    if (!this.#thinking) return;
    this.#thinking = false;
    clearInterval(this.#timer);
    this.#root.toggleAttribute("data-ended", true);
    if (!this.#touched) this.#root.open = false;
    this.#drawTitle();
  }

  #drawTitle() {
    const seconds = Math.round((this.#thinking ? Date.now() - this.#since : this.#tookMs) / SECOND_MS);
    part(this.#root, "thinking-title").textContent = this.#thinking ? thinking(seconds) : thought(seconds);
  }
}

/** @param {number} seconds */
function thinking(seconds) {
  return seconds < 2 ? gettext("Thinking…") : interpolate(gettext("Thinking… %(count)s s"), { count: seconds });
}

/** @param {number} seconds less than 1 if it is not known, or was very short */
function thought(seconds) {
  if (!(seconds >= 1)) return gettext("Thoughts");
  return interpolate(ngettext("Thought for %(count)s second", "Thought for %(count)s seconds", seconds), { count: seconds });
}
