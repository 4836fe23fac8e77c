import { sendsMessage } from "../../ui/send_keys.js";
import { cloneTemplate, part } from "../../ui/template_parts.js";
import { pendingCallsOf } from "./pending_calls.js";

/**
 * Shows a question of the model to the person: choices, and a field for another answer.
 *
 * @typedef {import("./pending_calls.js").Card} Card
 *
 * @typedef {object} Asked data of `question`
 * @property {string} call_id
 * @property {string} text
 * @property {string[]} [choices]
 * @property {boolean} [allows_text]
 *
 * @implements {Card}
 */
export class QuestionCard {
  #root;
  #calls;
  #onLock;
  #onEnd;

  /**
   * @param {HTMLElement} tool the card of the call, which this one is put into
   * @param {Asked} asked
   * @param {object} options
   * @param {string} options.title of the tool
   * @param {(isLocked: boolean) => void} options.onLock it is being sent, or not any more
   * @param {(reason: string) => void} options.onEnd it cannot be answered any more
   */
  constructor(tool, asked, { title, onLock, onEnd }) {
    this.callId = asked.call_id;
    this.tool = title;
    this.#onLock = onLock;
    this.#onEnd = onEnd;
    this.#calls = pendingCallsOf(tool);
    this.#root = /** @type {HTMLElement} */ (cloneTemplate("model-question-template").firstElementChild);
    this.#draw(asked);
    part(tool, "tool-asking").replaceChildren(this.#root);
    this.#root.addEventListener("submit", this.#submitted);
    this.#root.addEventListener("keydown", this.#pressed);
    this.#calls.add(this);
  }

  open() {
    for (const place of this.#root.querySelectorAll("fieldset")) place.hidden = !place.childElementCount;
    this.#lock(false);
  }

  lock() {
    const tool = this.#root.closest("details");
    // A disabled button would lose the focus.
    if (this.#root.contains(document.activeElement)) tool?.querySelector("summary")?.focus({ preventScroll: true });
    this.#lock(true);
    this.#tell("");
    this.#onLock(true);
  }

  /** @param {string} problem */
  reopen(problem) {
    this.#lock(false);
    this.#tell(problem);
    this.#onLock(false);
  }

  /** @param {string} reason */
  end(reason) {
    this.close();
    this.#calls.end(this);
    this.#onEnd(reason);
  }

  close() {
    this.#calls.delete(this);
    this.#root.remove();
  }

  /** @param {Asked} asked */
  #draw({ text, choices = [], allows_text: allowsText = false }) {
    part(this.#root, "asking-question").textContent = text;
    this.#root.setAttribute("aria-label", text);
    part(this.#root, "asking-choices").append(...choices.map((choice) => this.#choice(choice)));
    // Without choices, there is no other way to answer.
    if (choices.length && !allowsText) part(this.#root, "asking-answer").replaceChildren();
  }

  /** @param {string} text */
  #choice(text) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "button";
    button.dir = "auto";
    button.textContent = text;
    button.addEventListener("click", () => this.#calls.answer(this.callId, text));
    return button;
  }

  #submitted = (/** @type {Event} */ event) => {
    event.preventDefault();
    event.stopPropagation();
    const text = this.#box?.value.trim();
    if (text) this.#calls.answer(this.callId, text);
  };

  #pressed = (/** @type {KeyboardEvent} */ event) => {
    const touch = matchMedia("(hover: none) and (pointer: coarse)").matches;
    if (event.target !== this.#box || !sendsMessage(event, { touch })) return;
    event.preventDefault();
    this.#box?.form?.requestSubmit();
  };

  /** @param {boolean} locked */
  #lock(locked) {
    for (const place of this.#root.querySelectorAll("fieldset")) place.disabled = locked;
  }

  /** @param {string} text */
  #tell(text) {
    part(this.#root, "asking-line").textContent = text;
  }

  get #box() {
    return this.#root.querySelector("textarea");
  }
}
