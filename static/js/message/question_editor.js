import { fitBox } from "../ui/growing_box.js";
import { composes, sendsMessage } from "../ui/send_keys.js";
import { cloneTemplate, part } from "../ui/template_parts.js";

/** The form that replaces a question being edited. Enter sends it, Escape cancels. */
export class QuestionEditor {
  #message;
  #onSend;
  /** @type {HTMLFormElement | null} */
  #form = null;

  /**
   * @param {import("./chat_message.js").ChatMessage} message
   * @param {(text: string) => void} onSend
   */
  constructor(message, onSend) {
    this.#message = message;
    this.#onSend = onSend;
  }

  open() {
    if (!this.#form) {
      this.#message.append(cloneTemplate("editor-template"));
      this.#form = /** @type {HTMLFormElement} */ (part(this.#message, "editor"));
      this.#form.addEventListener("submit", this.#submitted);
      this.#form.addEventListener("keydown", this.#pressed);
      this.#form.addEventListener("input", this.#grow);
      this.#form.addEventListener("click", this.#clicked);
      this.#box.value = this.#message.source;
      this.#message.dataset.editing = "";
    }
    this.#grow();
    this.#box.focus();
    this.#box.setSelectionRange(this.#box.value.length, this.#box.value.length);
  }

  /** Removes the form and its listeners. */
  #close() {
    this.#form?.remove();
    this.#form = null;
    delete this.#message.dataset.editing;
  }

  get #box() {
    return /** @type {HTMLTextAreaElement} */ (this.#form?.querySelector("textarea"));
  }

  #submitted = (/** @type {Event} */ event) => {
    event.preventDefault();
    event.stopPropagation();
    const text = this.#box.value;
    if (!text.trim()) return;
    this.#close();
    this.#onSend(text);
  };

  #pressed = (/** @type {KeyboardEvent} */ event) => {
    if (event.key === "Escape" && !composes(event)) {
      // Keep this Escape from stopping an answer.
      event.preventDefault();
      this.#leave();
    } else if (sendsMessage(event, { touch: matchMedia("(hover: none) and (pointer: coarse)").matches })) {
      event.preventDefault();
      this.#form?.requestSubmit();
    }
  };

  #clicked = (/** @type {Event} */ event) => {
    if (event.target instanceof Element && event.target.closest("[data-editor=cancel]")) this.#leave();
  };

  #grow = () => fitBox(this.#box, part(/** @type {HTMLFormElement} */ (this.#form), "grow"));

  #leave() {
    this.#close();
    /** @type {HTMLElement | null} */ (this.#message.querySelector('[data-action="edit"]'))?.focus({ preventScroll: true });
  }
}
