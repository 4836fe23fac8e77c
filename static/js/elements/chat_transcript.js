import { StickToBottom } from "./stick_to_bottom.js";
import { actionOf, part } from "./template_parts.js";

/**
 * The messages of the open conversation, and where they are scrolled to.
 *
 * Says "transcript-older" when the beginning of what is shown comes into view and there is more above it.
 */
export class ChatTranscript extends HTMLElement {
  /** @type {StickToBottom} */
  #stick = /** @type {any} */ (null);
  /** @type {IntersectionObserver} */
  #view = /** @type {any} */ (null);
  #unread = false;

  connectedCallback() {
    this.#stick = new StickToBottom({ scroller: this.#scroller, content: part(this, "content"), onChange: () => this.#moved() });
    this.#stick.start();
    this.#view = new IntersectionObserver((entries) => this.#seen(entries), { root: this.#scroller, rootMargin: "300px 0px 0px 0px" });
    this.addEventListener("click", this.#act);
  }

  disconnectedCallback() {
    this.#stick.stop();
    this.#view.disconnect();
    this.removeEventListener("click", this.#act);
  }

  /** @returns {import("./chat_message.js").ChatMessage[]} */
  get messages() {
    return [.../** @type {any} */ (this.#list.children)];
  }

  clear() {
    this.#list.replaceChildren();
    this.showProblem("");
    this.hasOlder = false;
    this.#unread = false;
    this.#stick.stick();
  }

  set busy(/** @type {boolean} */ busy) {
    this.#list.setAttribute("aria-busy", String(busy));
  }

  set hasOlder(/** @type {boolean} */ more) {
    const older = part(this, "older");
    older.hidden = !more;
    // Observed anew: an observer tells of changes only, and a short page may leave this in view.
    this.#view.unobserve(older);
    if (more) this.#view.observe(older);
  }

  /** @param {...Element} messages */
  addMessages(...messages) {
    this.#list.append(...messages);
    if (!this.#stick.stuck) this.#markUnread();
  }

  /** Puts older messages above, and keeps what is being read where it is. @param {...Element} messages */
  addOlder(...messages) {
    const anchor = this.#list.firstElementChild;
    const before = anchor?.getBoundingClientRect().top ?? 0;
    this.#list.prepend(...messages);
    if (this.#stick.stuck) this.#stick.stick();
    else if (anchor) this.#scroller.scrollTop += anchor.getBoundingClientRect().top - before;
  }

  /** Shows the end: after a message of one's own. */
  showLatest() {
    this.#stick.stick();
  }

  /** @param {string} text in place of messages that cannot be shown; empty for none */
  showProblem(text) {
    part(this, "problem-text").textContent = text;
    part(this, "problem").hidden = !text;
  }

  get #scroller() {
    return /** @type {HTMLElement} */ (this.querySelector(".transcript__scroller"));
  }

  /** @returns {HTMLElement} */
  get #list() {
    return part(this, "messages");
  }

  #moved() {
    const button = /** @type {HTMLElement} */ (this.querySelector(".transcript__latest"));
    if (this.#stick.stuck) this.#unread = false;
    button.hidden = this.#stick.stuck;
    button.toggleAttribute("data-unread", this.#unread);
  }

  #markUnread() {
    this.#unread = true;
    this.#moved();
  }

  /** @param {IntersectionObserverEntry[]} entries */
  #seen(entries) {
    if (entries.some((entry) => entry.isIntersecting)) this.dispatchEvent(new CustomEvent("transcript-older", { bubbles: true }));
  }

  #act = (/** @type {Event} */ event) => {
    if (actionOf(event)?.action === "latest") this.#stick.stick();
  };
}
