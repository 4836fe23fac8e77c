import { warn } from "../client/warning.js";
import { csrfToken } from "./csrf.js";

/** Light, dark or system theme: applied at once on this page, and stored by the server in a cookie for the next. */
export class ThemeSwitch extends HTMLElement {
  connectedCallback() {
    this.addEventListener("change", this.#choose);
    // Chosen before this code was loaded.
    const chosen = /** @type {HTMLInputElement | null} */ (this.querySelector(":checked"));
    if (chosen && chosen.value !== document.documentElement.dataset.theme) void this.#store(chosen.value);
  }

  disconnectedCallback() {
    this.removeEventListener("change", this.#choose);
  }

  #choose = (/** @type {Event} */ event) => void this.#store(/** @type {HTMLInputElement} */ (event.target).value);

  /** @param {string} value */
  async #store(value) {
    this.#show(value);
    const headers = { "X-CSRFToken": csrfToken() };
    try {
      await fetch(this.dataset.url ?? "", { method: "POST", headers, body: new URLSearchParams({ theme: value }), credentials: "same-origin" });
    } catch (error) {
      warn("could not store the theme", error); // It still applies to this page.
    }
  }

  /** @param {string} theme */
  #show(theme) {
    document.documentElement.dataset.theme = theme;
    // The browser's own toolbar on a phone, or the installed app's title bar.
    for (const meta of /** @type {NodeListOf<HTMLMetaElement>} */ (document.querySelectorAll('meta[name="theme-color"]'))) {
      const own = meta.dataset.theme;
      meta.media = theme === "system" ? `(prefers-color-scheme: ${own})` : theme === own ? "all" : "not all";
    }
  }
}
