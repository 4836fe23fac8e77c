import { waitWords } from "./failure_words.js";
import { part } from "./template_parts.js";

const SECOND_MS = 1_000;

/** The card that says what went wrong, with Retry (after a countdown, if the server asked for patience) and Keep. */
export class FailureCard {
  #root;
  /** @type {HTMLButtonElement} */
  #retry;
  /** @type {HTMLButtonElement} */
  #keep;
  /** @type {HTMLButtonElement} */
  #return;
  /** @type {ReturnType<typeof setInterval> | undefined} */
  #timer;

  /** @param {HTMLElement} root */
  constructor(root) {
    this.#root = root;
    this.#retry = /** @type {HTMLButtonElement} */ (root.querySelector('[data-action="retry"]'));
    this.#keep = /** @type {HTMLButtonElement} */ (root.querySelector('[data-action="keep"]'));
    this.#return = /** @type {HTMLButtonElement} */ (root.querySelector('[data-action="return"]'));
  }

  /**
   * @param {object} options
   * @param {string} options.title
   * @param {string} options.detail
   * @param {number | null} [options.retryAfter] seconds
   * @param {boolean} [options.keepable] whether there is a part that could be saved
   * @param {boolean} [options.returnable] whether the words can go back into the message box
   */
  show({ title, detail, retryAfter = null, keepable = false, returnable = false }) {
    part(this.#root, "failure-title").textContent = title;
    part(this.#root, "failure-detail").textContent = detail;
    this.#keep.hidden = !keepable;
    this.#keep.disabled = false;
    this.#return.hidden = !returnable;
    this.#root.hidden = false;
    this.#countDown(retryAfter ?? 0);
  }

  /** While something asked for here is under way. */
  disable() {
    clearInterval(this.#timer);
    this.#retry.disabled = true;
    this.#keep.disabled = true;
  }

  clear() {
    clearInterval(this.#timer);
    this.#root.hidden = true;
  }

  /** @param {number} seconds */
  #countDown(seconds) {
    clearInterval(this.#timer);
    const end = Date.now() + seconds * SECOND_MS;
    const tick = () => {
      const left = (end - Date.now()) / SECOND_MS;
      this.#retry.disabled = left > 0;
      this.#retry.textContent = left > 0 ? `Retry in ${waitWords(left)}` : "Retry";
      if (left <= 0) clearInterval(this.#timer);
    };
    if (seconds > 0) this.#timer = setInterval(tick, SECOND_MS);
    tick();
  }
}
