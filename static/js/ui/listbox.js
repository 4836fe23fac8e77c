/** @type {Record<string, (at: number, count: number) => number>} */
const MOVES = {
  ArrowDown: (at, count) => (at + 1) % count,
  ArrowUp: (at, count) => (at <= 0 ? count : at) - 1,
  PageDown: (at, count) => Math.min(at + 8, count - 1),
  PageUp: (at) => Math.max(at - 8, 0),
};

/**
 * A list of options navigated with the keyboard while the focus stays in a field (or on the list itself). Options are
 * elements with role "option", an id, and `data-key`, which identifies them after the list is redrawn.
 */
export class Listbox {
  #field;
  #list;
  #onChoose;
  #listeners = new AbortController();
  /** @type {HTMLElement | null} */
  #active = null;
  /** Whether the user has moved to another option since the list was opened. */
  moved = false;

  /**
   * @param {object} options
   * @param {HTMLElement} options.field
   * @param {HTMLElement} options.list with role "listbox"
   * @param {(option: HTMLElement, event: Event) => void} options.onChoose
   */
  constructor({ field, list, onChoose }) {
    this.#field = field;
    this.#list = list;
    this.#onChoose = onChoose;
    const { signal } = this.#listeners;
    for (const element of new Set([field, list])) element.addEventListener("keydown", (event) => this.#pressed(event), { signal });
    list.addEventListener("click", (event) => this.#clicked(event), { signal });
    list.addEventListener("pointermove", (event) => this.#pointed(event), { signal });
  }

  /** @returns {HTMLElement | null} the option that Enter would choose */
  get active() {
    return this.#active;
  }

  /** @returns {HTMLElement[]} */
  get options() {
    return [.../** @type {NodeListOf<HTMLElement>} */ (this.#list.querySelectorAll('[role="option"]'))];
  }

  /** @param {HTMLElement | null} option @param {{ scroll?: boolean }} [how] */
  activate(option, { scroll = false } = {}) {
    if (!option) return;
    this.#active?.removeAttribute("data-active");
    this.#active = option;
    option.setAttribute("data-active", "");
    for (const element of [this.#field, this.#list]) element.setAttribute("aria-activedescendant", option.id);
    if (scroll) option.scrollIntoView({ block: "nearest" });
  }

  /** After a redraw: keeps the option that the user moved to active, if it still exists. @param {{ first?: boolean }} [how] `first`: activate the first in any case */
  refresh({ first = false } = {}) {
    const { options } = this;
    if (first) this.moved = false;
    const key = this.moved ? this.#active?.dataset.key : undefined;
    const next = options.find((option) => option.dataset.key === key) ?? options[0] ?? null;
    if (next) return this.activate(next, { scroll: first });
    this.#active = null;
    for (const element of [this.#field, this.#list]) element.removeAttribute("aria-activedescendant");
  }

  close() {
    this.#listeners.abort();
  }

  /** @param {KeyboardEvent} event */
  #pressed(event) {
    if (event.isComposing || event.keyCode === 229) return;
    if (event.key === "Enter" && this.#active) {
      event.preventDefault();
      return this.#onChoose(this.#active, event);
    }
    const move = Object.hasOwn(MOVES, event.key) ? MOVES[event.key] : null;
    const { options } = this;
    if (!move || options.length === 0) return;
    event.preventDefault();
    this.moved = true;
    this.activate(options[move(options.indexOf(/** @type {HTMLElement} */ (this.#active)), options.length)], { scroll: true });
  }

  /** @param {PointerEvent} event */
  #pointed(event) {
    const option = optionOf(event);
    if (option && option !== this.#active) this.moved = true;
    this.activate(option);
  }

  /** @param {MouseEvent} event */
  #clicked(event) {
    const option = optionOf(event);
    if (option) this.#onChoose(option, event);
  }
}

/** @param {Event} event @returns {HTMLElement | null} */
function optionOf(event) {
  return event.target instanceof Element ? event.target.closest('[role="option"]') : null;
}
