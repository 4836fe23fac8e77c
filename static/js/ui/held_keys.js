import { composes } from "./send_keys.js";

const HELD = new Set(["Enter", "ArrowDown", "ArrowUp"]);

/**
 * Holds keys pressed in a dialog before the code that handles them is loaded. Letters go into its field by themselves;
 * these keys are replayed in order.
 */
export class HeldKeys {
  #dialog;
  /** @type {KeyboardEvent[]} */
  #held = [];

  /** @param {HTMLDialogElement} dialog */
  constructor(dialog) {
    this.#dialog = dialog;
    dialog.addEventListener("keydown", this.#hold);
  }

  /** The handlers are ready. */
  release() {
    this.drop();
    for (const { key, ctrlKey, metaKey, target } of this.#held) {
      target?.dispatchEvent(new KeyboardEvent("keydown", { key, ctrlKey, metaKey, bubbles: true, cancelable: true }));
    }
  }

  /** Stops listening. */
  drop() {
    this.#dialog.removeEventListener("keydown", this.#hold);
  }

  #hold = (/** @type {KeyboardEvent} */ event) => {
    if (!HELD.has(event.key) || composes(event) || event.target instanceof HTMLButtonElement) return;
    event.preventDefault();
    this.#held.push(event);
  };
}
