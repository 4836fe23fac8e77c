import { warn } from "../client/warning.js";
import { LateModule } from "../ui/late_module.js";
import { part } from "../ui/template_parts.js";

const menu = new LateModule(() => import("./assistant_menu.js"));

/**
 * @typedef {object} Assistant
 * @property {string} slug
 * @property {string} name
 * @property {string} description
 * @property {string} provider
 * @property {string} model
 * @property {boolean} default
 * @property {boolean} demo
 * @property {boolean} tools whether it has any
 */

/** The choice of assistant: a button that names the current one, and a list whose code is loaded later. */
export class AssistantPicker {
  #root;
  #assistants;
  #onChoose;
  #remembered;
  /** @type {import("./assistant_menu.js").AssistantMenu | null} */
  #menu = null;
  /** @type {Assistant | null} */
  #chosen = null;
  /** The assistant last asked for, whether or not it was available. @type {string | null} */
  #wanted = null;
  /** The assistant the user picked here, until it has answered. @type {string | null} */
  #picked = null;

  /**
   * @param {HTMLElement} root
   * @param {object} options
   * @param {Assistant[]} options.assistants
   * @param {{ read(): string | null, write(slug: string): void }} options.remembered the last choice
   * @param {() => void} options.onChoose called when the user picks one
   */
  constructor(root, { assistants, remembered, onChoose }) {
    this.#root = root;
    this.#assistants = assistants;
    this.#remembered = remembered;
    this.#onChoose = onChoose;
    this.#popover.addEventListener("toggle", this.#toggled);
    this.refresh();
  }

  close() {
    this.#menu?.close();
    this.#popover.removeEventListener("toggle", this.#toggled);
  }

  /** @returns {Assistant | null} */
  get chosen() {
    return this.#chosen;
  }

  /** @param {string | null} slug null: the user's last choice, or the default */
  choose(slug) {
    const find = (/** @type {string | null} */ wanted) => this.#assistants.find((assistant) => assistant.slug === wanted);
    const fallback = this.#assistants.find((assistant) => assistant.default) ?? this.#assistants[0] ?? null;
    this.#wanted = slug;
    this.#chosen = find(slug) ?? find(this.#remembered.read()) ?? fallback;
    this.#picked = null;
    for (const name of ["name", "told"]) part(this.#root, name).textContent = this.#chosen?.name ?? "";
  }

  /** The list of assistants changed: selects the one asked for, as soon as it is available. */
  refresh() {
    const { length } = this.#assistants;
    const picked = this.#picked;
    part(this.#root, "button").hidden = length < 2;
    part(this.#root, "told").hidden = length !== 1;
    this.choose(this.#wanted);
    this.#picked = picked;
  }

  /**
   * Selects the assistant of this conversation, unless the user has picked another here in the meantime.
   *
   * @param {string | null} slug
   */
  follow(slug) {
    if (this.#picked === null || this.#picked === slug) this.choose(slug);
  }

  /** @returns {HTMLElement} */
  get #popover() {
    return part(this.#root, "menu");
  }

  #toggled = async (/** @type {any} */ event) => {
    if (event.newState !== "open") return;
    try {
      const { AssistantMenu } = menu.loaded ?? (await menu.load());
      this.#menu ??= new AssistantMenu(this.#root, { assistants: this.#assistants, onPick: (slug) => this.#pick(slug) });
      this.#menu.show(this.#chosen?.slug ?? null);
    } catch (error) {
      this.#popover.hidePopover();
      warn("could not load the assistant list", error); // Offline, perhaps: the next attempt may work.
    }
  };

  /** @param {string} slug */
  #pick(slug) {
    this.#remembered.write(slug);
    this.choose(slug);
    this.#picked = slug;
    this.#popover.hidePopover();
    this.#onChoose();
  }
}
