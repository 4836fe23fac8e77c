import { warn } from "../client/warning.js";
import { csrfToken } from "./csrf.js";

/** Light, dark or as the system has it: at once on this page, and by a cookie of the server on the next. */
export class ThemeSwitch extends HTMLElement {
  connectedCallback() {
    this.addEventListener("change", this.#choose);
  }

  disconnectedCallback() {
    this.removeEventListener("change", this.#choose);
  }

  #choose = async (/** @type {Event} */ event) => {
    const { value } = /** @type {HTMLInputElement} */ (event.target);
    document.documentElement.dataset.theme = value;
    const headers = { "X-CSRFToken": csrfToken() };
    try {
      await fetch(this.dataset.url ?? "", { method: "POST", headers, body: new URLSearchParams({ theme: value }), credentials: "same-origin" });
    } catch (error) {
      warn("the theme could not be stored", error); // It holds on this page.
    }
  };
}
