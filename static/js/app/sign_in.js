import { gettext } from "../ui/i18n.js";
import { csrfToken } from "../ui/csrf.js";
import { part } from "../ui/template_parts.js";

/**
 * Signing in again without leaving the page, by sending the sign-in page's form from here. The draft and the outbox
 * are kept, and the outbox is then sent.
 */
export class SignIn {
  #dialog;
  #url;
  #session;

  /**
   * @param {HTMLDialogElement} dialog
   * @param {object} options
   * @param {string} options.url of the sign-in page
   * @param {import("./session.js").Session} options.session
   */
  constructor(dialog, { url, session }) {
    this.#dialog = dialog;
    this.#url = url;
    this.#session = session;
    this.#form.addEventListener("submit", (event) => void this.#submitted(event));
    dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
    session.client.addEventListener("hello", () => dialog.close());
  }

  show() {
    if (this.#dialog.open) return;
    this.#tell("");
    this.#password.value = "";
    this.#dialog.showModal();
  }

  /** @returns {HTMLFormElement} */
  get #form() {
    return part(this.#dialog, "form");
  }

  /** @returns {HTMLInputElement} */
  get #password() {
    return part(this.#dialog, "password");
  }

  /** @param {Event} event */
  async #submitted(event) {
    event.preventDefault();
    part(this.#dialog, "submit").disabled = true;
    this.#tell("");
    const problem = await this.#signIn();
    part(this.#dialog, "submit").disabled = false;
    if (!problem) return this.#done();
    this.#tell(problem);
    this.#password.select();
  }

  /** @returns {Promise<string>} what went wrong; empty if nothing did */
  async #signIn() {
    try {
      // Loading the page sets the CSRF cookie again if the browser lost it, and shows who is signed in already.
      const page = await fetch(this.#url, { credentials: "same-origin", cache: "no-store" });
      if (page.redirected && new URL(page.url).pathname !== this.#url) return "";
      return await problemOf(await this.#post());
    } catch {
      return gettext("The server cannot be reached.");
    }
  }

  #post() {
    const body = new URLSearchParams({ login: this.#session.user.username, password: this.#password.value, remember: "on" });
    const headers = { "X-CSRFToken": csrfToken(), "X-Requested-With": "XMLHttpRequest", Accept: "application/json" };
    return fetch(this.#url, { method: "POST", headers, body, credentials: "same-origin" });
  }

  #done() {
    this.#password.value = "";
    this.#dialog.close();
    this.#session.resume();
  }

  /** @param {string} problem */
  #tell(problem) {
    part(this.#dialog, "problem").textContent = problem;
  }
}

/** @param {Response} response to the form @returns {Promise<string>} */
async function problemOf(response) {
  if (response.ok) return "";
  if (response.status === 429) return gettext("Too many attempts. Wait a few minutes, then try again.");
  const { form } = await response.json().catch(() => ({}));
  const said = [...(form?.errors ?? []), ...Object.values(form?.fields ?? {}).flatMap((/** @type {any} */ field) => field.errors ?? [])];
  return said.join(" ") || gettext("That did not work. Try again, or open the sign-in page.");
}
