import { actionOf, cloneTemplate, part } from "./template_parts.js";
import { composes } from "./send_keys.js";

/** One line of the sidebar. Tells its list what is asked for: "open", "rename" (with the new title) or "delete". */
export class ConversationRow {
  #root;
  #onAct;
  #title = "";

  /**
   * @param {string} id
   * @param {object} options
   * @param {string} options.href
   * @param {(action: "open" | "rename" | "delete", event: Event, title: string) => void} options.onAct
   */
  constructor(id, { href, onAct }) {
    this.#root = /** @type {HTMLElement} */ (cloneTemplate("conversation-row-template").firstElementChild);
    this.#root.dataset.conversationId = id;
    this.#onAct = onAct;
    this.#link.href = href;
    this.#root.addEventListener("click", (event) => this.#clicked(event));
    this.#form.addEventListener("submit", (event) => this.#finish(event));
    this.#input.addEventListener("keydown", (event) => this.#pressed(event));
    this.#input.addEventListener("blur", (event) => this.#finish(event));
  }

  get element() {
    return this.#root;
  }

  get renaming() {
    return this.#root.dataset.renaming !== undefined;
  }

  /** @param {{ title: string, current: boolean, live: boolean, provisional: boolean }} conversation */
  draw({ title, current, live, provisional }) {
    this.#title = title;
    part(this.#root, "title").textContent = title || "Untitled";
    part(this.#root, "live").hidden = !live;
    part(this.#root, "actions").hidden = provisional;
    this.#button("rename").setAttribute("aria-label", `Rename “${title}”`);
    this.#button("delete").setAttribute("aria-label", `Delete “${title}”`);
    this.#root.toggleAttribute("data-current", current);
    if (current) this.#link.setAttribute("aria-current", "page");
    else this.#link.removeAttribute("aria-current");
  }

  /** @returns {HTMLAnchorElement} */
  get #link() {
    return /** @type {HTMLAnchorElement} */ (this.#root.querySelector(".conversation__link"));
  }

  /** @returns {HTMLFormElement} */
  get #form() {
    return part(this.#root, "rename-form");
  }

  get #input() {
    return /** @type {HTMLInputElement} */ (this.#form.elements.namedItem("title"));
  }

  /** @param {string} action */
  #button(action) {
    return /** @type {HTMLElement} */ (this.#root.querySelector(`[data-action="${action}"]`));
  }

  /** @param {MouseEvent} event */
  #clicked(event) {
    const action = actionOf(event)?.action;
    if (action === "rename") this.#begin();
    if (action === "delete") this.#onAct("delete", event, this.#title);
    // A click that opens a tab is the browser's.
    const plain = event.button === 0 && !event.ctrlKey && !event.metaKey && !event.shiftKey && !event.altKey;
    if (action === "open" && plain) this.#onAct("open", event, this.#title);
  }

  #begin() {
    this.#root.dataset.renaming = "";
    this.#form.hidden = false;
    this.#input.value = this.#title;
    this.#input.select();
    this.#input.focus();
  }

  /** @param {KeyboardEvent} event */
  #pressed(event) {
    if (event.key !== "Escape" || composes(event)) return;
    event.preventDefault();
    event.stopPropagation();
    this.#end();
    this.#button("rename").focus();
  }

  /** @param {Event} event */
  #finish(event) {
    event.preventDefault();
    if (!this.renaming) return;
    const title = this.#input.value.trim();
    this.#end();
    if (event.type === "submit") this.#link.focus();
    if (title && title !== this.#title) this.#onAct("rename", event, title);
  }

  #end() {
    delete this.#root.dataset.renaming;
    this.#form.hidden = true;
  }
}
