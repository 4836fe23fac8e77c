const PHONE = "(max-width: 50rem)";
/** These handle Escape first. */
const OVERLAY = ":popover-open, dialog[open]";

/** The sidebar: on a wide screen, open until collapsed; on a narrow one, a drawer over the conversation. */
export class SideBar extends HTMLElement {
  #phone = matchMedia(PHONE);

  connectedCallback() {
    this.#phone.addEventListener("change", this.#close);
    document.addEventListener("keydown", this.#pressed);
  }

  disconnectedCallback() {
    this.#phone.removeEventListener("change", this.#close);
    document.removeEventListener("keydown", this.#pressed);
  }

  get open() {
    return this.#app.dataset.sidebar === "open";
  }

  set open(open) {
    if (open === this.open || (open && !this.#phone.matches)) return;
    if (open) this.#app.dataset.sidebar = "open";
    else delete this.#app.dataset.sidebar;
    this.#button.setAttribute("aria-expanded", String(open));
    this.#main.inert = open;
    if (open) this.#closing.focus();
    else if (this.contains(document.activeElement)) this.#button.focus();
  }

  /** Called by its buttons. On a wide screen, the state is remembered. @param {boolean} shown */
  show(shown) {
    if (this.#phone.matches) return void (this.open = shown);
    if (shown !== this.#app.hasAttribute("data-collapsed")) return;
    this.#app.toggleAttribute("data-collapsed", !shown);
    // For a year. The server reads this too, so a collapsed sidebar does not flash before the scripts run.
    document.cookie = `sidebar=${shown ? "" : "collapsed"}; path=/; max-age=31536000; samesite=lax`;
    (shown ? this.#closing : this.#button).focus();
  }

  get #closing() {
    return /** @type {HTMLElement} */ (this.querySelector(".sidebar__close"));
  }

  get #app() {
    return /** @type {HTMLElement} */ (this.closest("chat-app"));
  }

  get #main() {
    return /** @type {HTMLElement} */ (this.#app.querySelector("main"));
  }

  get #button() {
    return /** @type {HTMLElement} */ (this.#app.querySelector("#open-sidebar"));
  }

  #close = () => {
    this.open = false;
  };

  #pressed = (/** @type {KeyboardEvent} */ event) => {
    if (event.key !== "Escape" || !this.open || event.defaultPrevented || document.querySelector(OVERLAY)) return;
    event.preventDefault();
    this.open = false;
  };
}
