import { gettext, interpolate, language, ngettext } from "../ui/i18n.js";
import { waitText } from "../ui/wait_text.js";

const SECOND_MS = 1_000;
/** The number of characters left is shown from this share of the limit. */
const NEAR_LIMIT = 0.9;

/** The line below the message box: errors, time to wait, characters left. */
export class ComposerHint {
  #element;
  #limit;
  #onChange;
  #problem = "";
  #note = "";
  /** When sending is possible again, in milliseconds since the epoch. */
  #waitUntil = 0;
  /** @type {ReturnType<typeof setInterval> | undefined} */
  #timer;

  /**
   * @param {HTMLElement} element
   * @param {object} options
   * @param {number} options.limit in characters
   * @param {() => void} options.onChange called when it must be redrawn
   */
  constructor(element, { limit, onChange }) {
    this.#element = element;
    this.#limit = limit;
    this.#onChange = onChange;
  }

  close() {
    clearInterval(this.#timer);
  }

  /** Whether the server has asked the client to wait. */
  get waiting() {
    return Date.now() < this.#waitUntil;
  }

  /**
   * @param {string} text why nothing was sent; empty for none @param {number | null} [retryAfter] seconds, counted
   *   down
   */
  showProblem(text, retryAfter = null) {
    this.#problem = text;
    this.#waitUntil = retryAfter ? Date.now() + retryAfter * SECOND_MS : 0;
    clearInterval(this.#timer);
    if (retryAfter) this.#timer = setInterval(() => this.#tick(), SECOND_MS);
    this.#onChange();
  }

  /** Shown until the user types. @param {string} text */
  showNote(text) {
    this.#note = text;
    this.#onChange();
  }

  /** The user typed: clears the message, but not a time to wait. */
  settle() {
    this.#note = "";
    if (!this.waiting) this.#problem = "";
  }

  /**
   * @param {string} text the text in the box @returns {boolean} whether it may be sent, as far as this line can tell
   */
  draw(text) {
    const count = text.length > this.#limit * NEAR_LIMIT ? countCharacters(text) : 0;
    const over = count > this.#limit;
    this.#element.textContent = this.#words(count, over);
    this.#element.dataset.tone = this.#problem || over ? "problem" : "plain";
    return !over && !this.waiting;
  }

  /**
   * @param {number} count
   * @param {boolean} over
   */
  #words(count, over) {
    if (this.waiting) return `${this.#problem} ${interpolate(gettext("Try again in %(time)s."), { time: waitText((this.#waitUntil - Date.now()) / SECOND_MS) })}`;
    if (this.#problem) return this.#problem;
    // Numbers are formatted only when shown: the first one takes a slow phone a tenth of a second.
    if (over) return interpolate(gettext("Too long: %(count)s of %(limit)s characters"), { count: number(count), limit: number(this.#limit) });
    if (this.#note || !count) return this.#note;
    const left = this.#limit - count;
    return interpolate(ngettext("%(count)s character left", "%(count)s characters left", left), { count: number(left) });
  }

  #tick() {
    if (!this.waiting) this.showProblem("");
    else this.#onChange();
  }
}

/** Counts code points, as the server does. @param {string} text */
export function countCharacters(text) {
  let pairs = 0;
  for (let at = 0; at < text.length; at += 1) {
    // The second half of a surrogate pair was counted with the first.
    if ((text.charCodeAt(at) & 0xfc00) === 0xdc00 && (text.charCodeAt(at - 1) & 0xfc00) === 0xd800) pairs += 1;
  }
  return text.length - pairs;
}

/** @param {number} value */
export function number(value) {
  return value.toLocaleString(language());
}
