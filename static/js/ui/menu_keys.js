const ITEM = "[role^=menuitem]:not([hidden], [disabled])";
/** @type {Record<string, (at: number, count: number) => number>} */
const MOVES = {
  ArrowDown: (at, count) => (at + 1) % count,
  ArrowUp: (at, count) => (at - 1 + count) % count,
  Home: () => 0,
  End: (_, count) => count - 1,
};

/** Keyboard control of a popover menu: opening focuses the first item, arrows move, Tab leaves. */
export class MenuKeys {
  #root;

  /** @param {HTMLElement} root with role "menu" */
  constructor(root) {
    this.#root = root;
    root.addEventListener("toggle", this.#toggled);
    root.addEventListener("keydown", this.#pressed);
  }

  close() {
    this.#root.removeEventListener("toggle", this.#toggled);
    this.#root.removeEventListener("keydown", this.#pressed);
  }

  /** @returns {HTMLElement[]} */
  get #items() {
    return [.../** @type {NodeListOf<HTMLElement>} */ (this.#root.querySelectorAll(ITEM))];
  }

  #toggled = (/** @type {any} */ event) => {
    if (event.newState === "open") this.#items[0]?.focus();
  };

  #pressed = (/** @type {KeyboardEvent} */ event) => {
    if (event.key === "Tab") this.#root.hidePopover();
    const move = Object.hasOwn(MOVES, event.key) ? MOVES[event.key] : null;
    if (!move) return;
    event.preventDefault();
    const items = this.#items;
    items[move(items.indexOf(/** @type {HTMLElement} */ (document.activeElement)), items.length)]?.focus();
  };
}
