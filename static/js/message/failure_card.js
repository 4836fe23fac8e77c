import { gettext, interpolate } from "../ui/i18n.js";
import { failureText } from "../ui/failure_text.js";
import { cloneTemplate, part } from "../ui/template_parts.js";
import { waitText } from "../ui/wait_text.js";

const SECOND_MS = 1_000;

/**
 * The card that shows an error, with Retry (after a countdown, if the server asked to wait) and Keep.
 *
 * @typedef {object} FailureOptions
 * @property {boolean} [unanswered] whether the outcome of the request is unknown
 * @property {boolean} [keepable] whether a partial answer can be saved
 * @property {boolean} [returnable] whether the text can go back into the message box
 * @property {boolean} [dismissable] whether there is a run to dismiss
 */
export class FailureCard {
  /** @type {HTMLElement} */
  #root;
  /** @type {HTMLButtonElement} */
  #retry;
  /** @type {HTMLButtonElement} */
  #keep;
  /** @type {HTMLButtonElement} */
  #return;
  /** @type {HTMLButtonElement} */
  #dismiss;
  /** @type {ReturnType<typeof setInterval> | undefined} */
  #timer;

  /** @param {HTMLElement} message the message that contains it, above the footer */
  constructor(message) {
    part(message, "footer").before(cloneTemplate("failure-template"));
    this.#root = part(message, "failure");
    this.#retry = this.#button("retry");
    this.#keep = this.#button("keep");
    this.#return = this.#button("return");
    this.#dismiss = this.#button("dismiss");
  }

  /**
   * @param {import("../ui/failure_text.js").Failure} failure
   * @param {FailureOptions} options
   */
  show(failure, { unanswered, keepable = false, returnable = false, dismissable = false }) {
    const { kind, title, detail } = failureText(failure, { unanswered });
    part(this.#root, "failure-title").textContent = title;
    part(this.#root, "failure-detail").textContent = detail;
    this.#root.dataset.kind = kind;
    this.#keep.hidden = !keepable;
    this.#keep.disabled = false;
    this.#return.hidden = !returnable;
    this.#dismiss.hidden = !dismissable;
    this.#root.hidden = false;
    this.#countDown(failure.retryAfter ?? 0);
  }

  /** While an action of the card is in progress. */
  disable() {
    clearInterval(this.#timer);
    this.#retry.disabled = true;
    this.#keep.disabled = true;
  }

  clear() {
    clearInterval(this.#timer);
    this.#root.hidden = true;
  }

  /** @param {string} action @returns {HTMLButtonElement} */
  #button(action) {
    return /** @type {HTMLButtonElement} */ (this.#root.querySelector(`[data-action="${action}"]`));
  }

  /** @param {number} seconds */
  #countDown(seconds) {
    clearInterval(this.#timer);
    const end = Date.now() + seconds * SECOND_MS;
    const tick = () => {
      const left = (end - Date.now()) / SECOND_MS;
      this.#retry.disabled = left > 0;
      this.#retry.textContent = left > 0 ? interpolate(gettext("Retry in %(time)s"), { time: waitText(left) }) : gettext("Retry");
      if (left <= 0 || !this.#root.isConnected) clearInterval(this.#timer);
    };
    if (seconds > 0) this.#timer = setInterval(tick, SECOND_MS);
    tick();
  }
}
