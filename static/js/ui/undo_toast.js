import { actionOf, part } from "./template_parts.js";

const SHOWN_FOR_MS = 8_000;

/** A line that says what was done and offers to undo it for a while. The timer pauses while it is hovered or focused. */
export class UndoToast extends HTMLElement {
  /** @type {(() => void) | null} */
  #undo = null;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;

  connectedCallback() {
    this.addEventListener("click", this.#act);
    for (const type of ["pointerenter", "focusin"]) this.addEventListener(type, this.#hold);
    for (const type of ["pointerleave", "focusout"]) this.addEventListener(type, this.#wait);
  }

  disconnectedCallback() {
    this.removeEventListener("click", this.#act);
    for (const type of ["pointerenter", "focusin"]) this.removeEventListener(type, this.#hold);
    for (const type of ["pointerleave", "focusout"]) this.removeEventListener(type, this.#wait);
    this.#hold();
  }

  /**
   * @param {string} text
   * @param {(() => void) | null} undo null if it cannot be undone
   */
  show(text, undo) {
    this.#undo = undo;
    part(this, "text").textContent = text;
    /** @type {HTMLElement} */ (this.querySelector("[data-action=undo]")).hidden = !undo;
    this.hidden = false;
    this.#wait();
    this.dispatchEvent(new CustomEvent("announce", { bubbles: true, detail: text }));
  }

  #wait = () => {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => (this.hidden = true), SHOWN_FOR_MS);
  };

  #hold = () => clearTimeout(this.#timer);

  #act = (/** @type {Event} */ event) => {
    if (actionOf(event)?.action !== "undo") return;
    this.hidden = true;
    this.#undo?.();
  };
}

customElements.define("undo-toast", UndoToast);
