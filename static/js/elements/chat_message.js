import { copyText } from "./clipboard.js";
import { FailureCard } from "./failure_card.js";
import { actionOf, cloneTemplate, part } from "./template_parts.js";

const COPIED_FOR_MS = 1_500;
const ASKED_OF_OTHERS = new Set(["retry", "keep", "return"]);

/** @typedef {"sending" | "sent" | "streaming" | "completed" | "stopped" | "failed"} MessageState */

/**
 * One message of the transcript. Its words stand in `body`; `source` is what the copy button copies.
 *
 * A press of a button on its failure card bubbles as a "message-retry", "message-keep" or "message-return" event.
 */
export class ChatMessage extends HTMLElement {
  static #count = 0;

  source = "";
  /** @type {FailureCard | null} */
  #failure = null;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;

  /**
   * @param {object} options
   * @param {"user" | "assistant"} options.role
   * @param {string} options.label
   * @param {MessageState} options.state
   * @param {string | null} [options.messageId]
   */
  static create({ role, label, state, messageId = null }) {
    const message = /** @type {ChatMessage} */ (document.createElement("chat-message"));
    message.#build(role, label);
    message.state = state;
    message.messageId = messageId;
    return message;
  }

  connectedCallback() {
    this.addEventListener("click", this.#act);
  }

  disconnectedCallback() {
    this.removeEventListener("click", this.#act);
    this.#failure?.clear();
    clearTimeout(this.#timer);
  }

  /** @returns {HTMLElement} */
  get body() {
    return part(this, "body");
  }

  /** @returns {HTMLElement} */
  get thoughts() {
    return part(this, "thoughts");
  }

  get messageId() {
    return this.dataset.messageId ?? null;
  }

  set messageId(id) {
    if (id) this.dataset.messageId = id;
  }

  set label(/** @type {string} */ label) {
    part(this, "label").textContent = label;
  }

  get state() {
    return /** @type {MessageState} */ (this.dataset.state);
  }

  set state(/** @type {MessageState} */ state) {
    this.dataset.state = state;
    this.setAttribute("aria-busy", String(state === "streaming" || state === "sending"));
  }

  /** @param {string} text a progress line; empty for none */
  showStatus(text) {
    const status = part(this, "status");
    if (status.textContent !== text) status.textContent = text;
    status.hidden = !text;
  }

  /**
   * @param {string} title
   * @param {{ open: boolean }} options
   */
  showReasoning(title, { open }) {
    const reasoning = part(this, "reasoning");
    reasoning.hidden = !title;
    reasoning.open = open;
    part(this, "reasoning-title").textContent = title;
  }

  /** @param {string} note */
  showFooter(note) {
    part(this, "note").textContent = note;
    part(this, "footer").hidden = false;
  }

  get failure() {
    this.#failure ??= new FailureCard(part(this, "failure"));
    return this.#failure;
  }

  /**
   * @param {"user" | "assistant"} role
   * @param {string} label
   */
  #build(role, label) {
    this.className = "message";
    this.dataset.role = role;
    this.setAttribute("role", "article");
    this.append(cloneTemplate("message-template"));
    const heading = part(this, "label");
    heading.id = `message-label-${(ChatMessage.#count += 1)}`;
    heading.classList.toggle("visually-hidden", role === "user");
    heading.textContent = label;
    this.body.classList.toggle("markdown", role === "assistant");
    this.setAttribute("aria-labelledby", heading.id);
  }

  #act = (/** @type {Event} */ event) => {
    const asked = actionOf(event);
    if (asked?.action === "copy") void this.#copy(asked.element);
    if (asked && ASKED_OF_OTHERS.has(asked.action)) {
      this.dispatchEvent(new CustomEvent(`message-${asked.action}`, { bubbles: true }));
    }
  };

  /** @param {HTMLElement} button */
  async #copy(button) {
    const copied = await copyText(this.source);
    this.dispatchEvent(new CustomEvent("announce", { bubbles: true, detail: copied ? "Copied" : "Copying was refused by the browser" }));
    if (!copied) return;
    button.dataset.copied = "";
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => delete button.dataset.copied, COPIED_FOR_MS);
  }
}
