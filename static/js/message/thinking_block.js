import { gettext, ngettext, interpolate } from "../ui/i18n.js";
import { FramePump } from "../markdown/pump.js";
import { cloneTemplate, part } from "../ui/template_parts.js";

const SECOND_MS = 1_000;

/**
 * A model's thoughts as they arrive: open while it thinks, folded when the answer begins, unless the reader has opened
 * or closed it.
 */
export class ThinkingBlock {
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

  /** @param {ParentNode} place the parent it is added to @param {{ open: boolean }} options */
  constructor(place, { open }) {
    place.append(cloneTemplate("thinking-template"));
    this.#root = /** @type {HTMLDetailsElement} */ (place.lastElementChild);
    this.#root.open = open;
    part(this.#root, "thoughts").append(this.#text);
    this.#root.querySelector("summary")?.addEventListener("click", () => (this.#touched = true));
    this.#timer = setInterval(() => this.#drawTitle(), SECOND_MS);
    this.#drawTitle();
  }

  /** @param {string} text @returns {Promise<void>} after the paint */
  write(text) {
    return this.#pump.write(text);
  }

  /** Thinking is over: the answer begins, or ends. @param {number} [tookMs] if the server says so */
  end(tookMs) {
    if (!this.#thinking) return;
    this.#thinking = false;
    this.#tookMs = tookMs ?? Date.now() - this.#since;
    clearInterval(this.#timer);
    void this.#pump.flush();
    this.#root.toggleAttribute("data-ended", true);
    if (!this.#touched) this.#root.open = false;
    this.#drawTitle();
  }

  close() {
    clearInterval(this.#timer);
    this.#pump.close();
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

/** @param {number} seconds less than 1 if it was not seen live, or was very short */
function thought(seconds) {
  if (seconds < 1) return gettext("Thoughts");
  return interpolate(ngettext("Thought for %(count)s second", "Thought for %(count)s seconds", seconds), { count: seconds });
}
