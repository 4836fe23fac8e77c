const PHONE = "(max-width: 50rem)";
/** An Escape is theirs first. */
const OVERLAY = ":popover-open, dialog[open]";

/** The sidebar: always there on a wide screen, a drawer over the conversation on a narrow one. */
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
    if (open) /** @type {HTMLElement} */ (this.querySelector(".sidebar__close")).focus();
    else if (this.contains(document.activeElement)) this.#button.focus();
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
