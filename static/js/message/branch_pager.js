import { gettext, interpolate } from "../ui/i18n.js";
import { cloneTemplate } from "../ui/template_parts.js";

const STEPS = Object.freeze({ "version-back": -1, "version-on": 1 });

/** "‹ 2/3 ›": shows which version of a message is shown, and switches to the others. */
export class BranchPager {
  #root;
  /** @type {string[]} */
  #ids = [];
  #index = 0;

  /** @param {HTMLElement} root an empty element */
  constructor(root) {
    this.#root = root;
    root.append(cloneTemplate("versions-template"));
  }

  /**
   * @param {string[]} ids
   * @param {string} shown
   */
  show(ids, shown) {
    this.#ids = ids;
    this.#index = Math.max(0, ids.indexOf(shown));
    this.#root.hidden = ids.length < 2;
    const numbers = { number: this.#index + 1, count: ids.length };
    const count = /** @type {HTMLElement} */ (this.#root.querySelector(".versions__count"));
    count.textContent = `${numbers.number}/${numbers.count}`;
    this.#root.setAttribute("aria-label", interpolate(gettext("Version %(number)s of %(count)s"), numbers));
    for (const action of Object.keys(STEPS)) this.#button(action).disabled = this.versionFor(action) === null;
  }

  /** @param {string} action a button's action @returns {string | null} the version it leads to */
  versionFor(action) {
    const step = Object.hasOwn(STEPS, action) ? STEPS[/** @type {keyof typeof STEPS} */ (action)] : 0;
    return step ? (this.#ids[this.#index + step] ?? null) : null;
  }

  /** @param {string} action the action of the button pressed on the previous version */
  focus(action) {
    const buttons = [this.#button(action), ...this.#root.querySelectorAll("button")];
    buttons.find(({ disabled }) => !disabled)?.focus({ preventScroll: true });
  }

  /** @param {string} action @returns {HTMLButtonElement} */
  #button(action) {
    return /** @type {HTMLButtonElement} */ (this.#root.querySelector(`[data-action="${action}"]`));
  }
}
