import { gettext, interpolate, language, ngettext } from "../ui/i18n.js";
import { waitText } from "../ui/failure_text.js";

const SECOND_MS = 1_000;
/** From this share of the limit on, it is told how many characters are left. */
const NEAR_LIMIT = 0.9;

/** The line below the words in the message box: what is wrong, how long to wait, how many characters are left. */
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
   * @param {() => void} options.onChange it is to be drawn again
   */
  constructor(element, { limit, onChange }) {
    this.#element = element;
    this.#limit = limit;
    this.#onChange = onChange;
  }

  close() {
    clearInterval(this.#timer);
  }

  /** Whether the server has asked for patience. */
  get waiting() {
    return Date.now() < this.#waitUntil;
  }

  /** @param {string} text why nothing was sent; empty for nothing @param {number | null} [retryAfter] seconds, counted down */
  showProblem(text, retryAfter = null) {
    this.#problem = text;
    this.#waitUntil = retryAfter ? Date.now() + retryAfter * SECOND_MS : 0;
    clearInterval(this.#timer);
    if (retryAfter) this.#timer = setInterval(() => this.#tick(), SECOND_MS);
    this.#onChange();
  }

  /** In passing, until something is typed. @param {string} text */
  showNote(text) {
    this.#note = text;
    this.#onChange();
  }

  /** Something was typed: what was said before is settled, but for a time to wait. */
  settle() {
    this.#note = "";
    if (!this.waiting) this.#problem = "";
  }

  /** @param {string} text in the box @returns {boolean} whether it may be sent, as far as this line knows */
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
    // Numbers are made only where they are shown: the first takes a slow phone a tenth of a second.
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

/** As the server counts: in code points. @param {string} text */
export function countCharacters(text) {
  let pairs = 0;
  for (let at = 0; at < text.length; at += 1) {
    // The second half of a pair counts with the first.
    if ((text.charCodeAt(at) & 0xfc00) === 0xdc00 && (text.charCodeAt(at - 1) & 0xfc00) === 0xd800) pairs += 1;
  }
  return text.length - pairs;
}

/** @param {number} value */
export function number(value) {
  return value.toLocaleString(language());
}
