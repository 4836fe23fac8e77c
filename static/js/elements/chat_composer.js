import { AssistantPicker } from "./assistant_picker.js";
import { waitWords } from "./failure_words.js";
import { sendsMessage } from "./send_keys.js";
import { part } from "./template_parts.js";

const SAVE_AFTER_MS = 300;
const SECOND_MS = 1_000;
/** From this share of the limit on, the count of characters is shown. */
const NEAR_LIMIT = 0.9;
const BUSY = "An answer is being written: stop it, or wait for its end.";

/** The message box. Says "composer-send" (`detail`: text, assistant), "composer-stop" and "composer-assistant". */
export class ChatComposer extends HTMLElement {
  /** @type {import("./drafts.js").Drafts} */
  #drafts = /** @type {any} */ (null);
  /** @type {AssistantPicker} */
  #picker = /** @type {any} */ (null);
  #limit = Infinity;
  #busy = false;
  #problem = "";
  /** Undefined until the first is opened. @type {string | null | undefined} */
  #conversationId;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #saveTimer;
  /** @type {ReturnType<typeof setInterval> | undefined} */
  #waitTimer;
  #touch = matchMedia("(hover: none) and (pointer: coarse)");

  /**
   * @param {object} options
   * @param {import("./drafts.js").Drafts} options.drafts
   * @param {import("./assistant_picker.js").Assistant[]} options.assistants
   * @param {number} options.limit in characters
   */
  start({ drafts, assistants, limit }) {
    this.#drafts = drafts;
    this.#limit = limit;
    this.#picker = new AssistantPicker(assistants, { label: /** @type {HTMLElement} */ (this.querySelector(".picker")), told: part(this, "assistant") });
    this.addEventListener("input", this.#changed);
    this.addEventListener("keydown", this.#pressed);
    this.addEventListener("submit", this.#submitted);
    this.addEventListener("click", this.#clicked);
  }

  disconnectedCallback() {
    this.removeEventListener("input", this.#changed);
    this.removeEventListener("keydown", this.#pressed);
    this.removeEventListener("submit", this.#submitted);
    this.removeEventListener("click", this.#clicked);
    clearTimeout(this.#saveTimer);
    clearInterval(this.#waitTimer);
  }

  /** The assistant that is chosen, or that the conversation has. */
  get assistant() {
    return this.#picker.chosen;
  }

  get text() {
    return this.#box.value;
  }

  set text(text) {
    this.#box.value = text;
    this.#save();
    this.#draw();
  }

  /**
   * Turns to a conversation, with the words that were begun there.
   *
   * @param {string | null} id
   * @param {{ assistant: string | null }} options
   */
  open(id, { assistant }) {
    this.#save();
    this.#conversationId = id;
    this.#picker.choose(assistant);
    this.#picker.fixed = id !== null;
    this.showProblem("");
    this.text = this.#drafts.read(id);
  }

  /** The conversation that was new has an id now: words typed meanwhile go with it. @param {string} id */
  identify(id) {
    this.#drafts.write(this.#conversationId ?? null, "");
    this.#conversationId = id;
    this.#picker.fixed = true;
    this.#save();
  }

  /** @param {string | null} slug who answers in this conversation */
  showAssistant(slug) {
    this.#picker.choose(slug);
  }

  /** Words come back into the box, before whatever was typed meanwhile. @param {string} text */
  giveBack(text) {
    if (!text) return;
    this.text = this.text.trim() && this.text !== text ? `${text}\n\n${this.text}` : text;
    this.focusText();
    this.#box.setSelectionRange(this.text.length, this.text.length);
  }

  /** While an answer is written, Stop stands in the place of Send. @param {boolean} busy */
  set busy(busy) {
    const stop = /** @type {HTMLElement} */ (this.querySelector("#stop"));
    const hadFocus = document.activeElement === stop || document.activeElement === this.#send;
    this.#busy = busy;
    if (this.#problem === BUSY) this.#problem = "";
    stop.hidden = !busy;
    this.#send.hidden = busy;
    if (hadFocus) this.focusText();
    this.#draw();
  }

  /**
   * @param {string} text why the message was not sent; empty for nothing
   * @param {{ retryAfter?: number | null }} [options] seconds, counted down
   */
  showProblem(text, { retryAfter = null } = {}) {
    clearInterval(this.#waitTimer);
    const end = Date.now() + (retryAfter ?? 0) * SECOND_MS;
    const tick = () => {
      const left = (end - Date.now()) / SECOND_MS;
      this.#problem = left > 0 ? `${text} Try again in ${waitWords(left)}.` : retryAfter ? "" : text;
      if (left <= 0) clearInterval(this.#waitTimer);
      this.#draw();
    };
    if (retryAfter) this.#waitTimer = setInterval(tick, SECOND_MS);
    tick();
  }

  focusText() {
    this.#box.focus({ preventScroll: true });
  }

  get #box() {
    return /** @type {HTMLTextAreaElement} */ (this.querySelector("textarea"));
  }

  get #send() {
    return /** @type {HTMLButtonElement} */ (this.querySelector("#send"));
  }

  #changed = (/** @type {Event} */ event) => {
    if (event.target !== this.#box) return void this.dispatchEvent(new CustomEvent("composer-assistant", { bubbles: true }));
    this.#problem = "";
    clearInterval(this.#waitTimer);
    clearTimeout(this.#saveTimer);
    this.#saveTimer = setTimeout(() => this.#save(), SAVE_AFTER_MS);
    this.#draw();
  };

  #pressed = (/** @type {KeyboardEvent} */ event) => {
    if (event.target !== this.#box || !sendsMessage(event, { touch: this.#touch.matches })) return;
    event.preventDefault();
    this.#submit();
  };

  #submitted = (/** @type {Event} */ event) => {
    event.preventDefault();
    this.#submit();
  };

  #clicked = (/** @type {Event} */ event) => {
    const target = /** @type {Element} */ (event.target);
    if (target.closest("#stop")) this.dispatchEvent(new CustomEvent("composer-stop", { bubbles: true }));
    else if (!target.closest("button, select, label, textarea")) this.focusText();
  };

  #submit() {
    const { text } = this;
    if (this.#busy) return this.showProblem(BUSY);
    if (!text.trim() || this.#over) return;
    this.text = ""; // It is in the outbox of the client now, which survives a reload as well.
    this.dispatchEvent(new CustomEvent("composer-send", { bubbles: true, detail: { text, assistant: this.assistant?.slug ?? null } }));
  }

  #save() {
    clearTimeout(this.#saveTimer);
    if (this.#conversationId !== undefined) this.#drafts.write(this.#conversationId, this.text);
  }

  /** Counted as the server does, in code points; only where the cheaper count leaves a doubt. */
  get #over() {
    return this.text.length > this.#limit && Array.from(this.text).length > this.#limit;
  }

  #draw() {
    const { text } = this;
    const hint = /** @type {HTMLElement} */ (this.querySelector(".composer__hint"));
    const near = text.length > this.#limit * NEAR_LIMIT;
    const count = near ? `${Array.from(text).length.toLocaleString()} of ${this.#limit.toLocaleString()} characters` : "";
    const over = near && this.#over;
    hint.textContent = this.#problem || (over ? `Too long: ${count}` : count);
    hint.dataset.tone = this.#problem || over ? "problem" : "plain";
    this.#send.disabled = !text.trim() || over;
    /** @type {HTMLElement} */ (this.querySelector(".composer__grow")).dataset.text = CSS.supports("field-sizing: content") ? "" : text;
  }
}
