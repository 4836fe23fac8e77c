import { gettext, interpolate } from "../ui/i18n.js";
import { composes } from "../ui/send_keys.js";
import { actionOf, cloneTemplate, part } from "../ui/template_parts.js";

/** One row of the sidebar. Calls its list with the requested action: "open", "rename" (with the new title) or "menu". */
export class ConversationRow {
  #root;
  #onAct;
  #title = "";

  /**
   * @param {string} id
   * @param {object} options
   * @param {string} options.href
   * @param {(action: "open" | "rename" | "menu", title: string, event?: MouseEvent) => void} options.onAct
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

  /**
   * @param {import("../conversation/conversation_store.js").Conversation} conversation
   * @param {{ current: boolean, live: boolean, unanswered: boolean }} state
   */
  draw({ title, provisional = false, unread = false }, { current, live, unanswered }) {
    this.#title = title;
    const isNews = unread && !live && !current;
    const shown = title || gettext("Untitled");
    if (part(this.#root, "title").textContent !== shown) part(this.#root, "title").textContent = shown;
    part(this.#root, "live").hidden = !live;
    part(this.#root, "unread").hidden = !isNews;
    part(this.#root, "unanswered").hidden = live || !unanswered;
    part(this.#root, "more").hidden = provisional && (live || !unanswered);
    part(this.#root, "more").setAttribute("aria-label", interpolate(gettext("Options for “%(title)s”"), { title: shown }));
    this.#root.toggleAttribute("data-unread", isNews);
    this.#root.toggleAttribute("data-current", current);
    if (current) this.#link.setAttribute("aria-current", "page");
    else this.#link.removeAttribute("aria-current");
  }

  /** Turns the title into a text field. */
  rename() {
    this.#root.dataset.renaming = "";
    this.#form.hidden = false;
    this.#input.value = this.#title;
    this.#input.select();
    this.#input.focus();
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

  /** @param {MouseEvent} event */
  #clicked(event) {
    const action = actionOf(event)?.action;
    if (action === "menu") this.#onAct("menu", this.#title, event);
    // Leave clicks that open a new tab to the browser.
    const plain = event.button === 0 && !event.ctrlKey && !event.metaKey && !event.shiftKey && !event.altKey;
    if (action !== "open" || !plain) return;
    event.preventDefault();
    this.#onAct("open", this.#title);
  }

  /** @param {KeyboardEvent} event */
  #pressed(event) {
    if (event.key !== "Escape" || composes(event)) return;
    event.preventDefault();
    event.stopPropagation();
    this.#end();
    this.#link.focus();
    this.#onAct("rename", this.#title);
  }

  /** @param {Event} event */
  #finish(event) {
    event.preventDefault();
    if (!this.renaming) return;
    const title = this.#input.value.trim();
    this.#end();
    if (event.type === "submit") this.#link.focus();
    this.#onAct("rename", title || this.#title);
  }

  #end() {
    delete this.#root.dataset.renaming;
    this.#form.hidden = true;
  }
}
