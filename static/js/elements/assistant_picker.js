import { assistantOption, isAsked } from "./assistant_option.js";
import { Listbox } from "./listbox.js";
import { part } from "./template_parts.js";

/** With fewer, a search would be one thing more to look at. */
const SEARCHED_FROM = 6;

/**
 * @typedef {object} Assistant
 * @property {string} slug
 * @property {string} name
 * @property {string} description
 * @property {string} provider
 * @property {string} model
 * @property {boolean} default
 * @property {boolean} demo
 */

/** The choice of who answers: a button that names who it is, and a list that can be searched. */
export class AssistantPicker {
  #root;
  #assistants;
  #onChoose;
  #remembered;
  #touch = matchMedia("(hover: none) and (pointer: coarse)");
  #listbox;
  /** @type {Assistant | null} */
  #chosen = null;

  /**
   * @param {HTMLElement} root
   * @param {object} options
   * @param {Assistant[]} options.assistants
   * @param {{ read(): string | null, write(slug: string): void }} options.remembered the last choice in a new chat
   * @param {() => void} options.onChoose a person has chosen
   */
  constructor(root, { assistants, remembered, onChoose }) {
    this.#root = root;
    this.#assistants = assistants;
    this.#remembered = remembered;
    this.#onChoose = onChoose;
    this.#listbox = new Listbox({ field: this.#search, list: this.#list, onChoose: (option) => this.#pick(option) });
    part(root, "search").hidden = assistants.length < SEARCHED_FROM;
    part(root, "button").hidden = assistants.length < 2;
    part(root, "told").hidden = assistants.length !== 1;
    this.#search.addEventListener("input", this.#filter);
    this.#menu.addEventListener("toggle", this.#toggled);
    this.choose(null);
  }

  close() {
    this.#listbox.close();
    this.#search.removeEventListener("input", this.#filter);
    this.#menu.removeEventListener("toggle", this.#toggled);
  }

  /** @returns {Assistant | null} */
  get chosen() {
    return this.#chosen;
  }

  /** @param {string | null} slug null: whom this person chose last, or the default */
  choose(slug) {
    const find = (/** @type {string | null} */ wanted) => this.#assistants.find((assistant) => assistant.slug === wanted);
    const fallback = this.#assistants.find((assistant) => assistant.default) ?? this.#assistants[0] ?? null;
    this.#chosen = find(slug) ?? find(this.#remembered.read()) ?? fallback;
    for (const name of ["name", "told"]) part(this.#root, name).textContent = this.#chosen?.name ?? "";
  }

  /** @returns {HTMLElement} */
  get #menu() {
    return part(this.#root, "menu");
  }

  /** @returns {HTMLElement} */
  get #list() {
    return part(this.#root, "list");
  }

  /** @returns {HTMLInputElement} */
  get #search() {
    return part(this.#root, "search-field");
  }

  #toggled = (/** @type {any} */ event) => {
    if (event.newState !== "open") return;
    this.#search.value = "";
    this.#draw();
    const chosen = this.#listbox.options.find((option) => option.dataset.key === this.#chosen?.slug);
    this.#listbox.activate(chosen ?? null, { scroll: true });
    // On a touch screen its keyboard would cover what is to be chosen from.
    const searched = this.#assistants.length >= SEARCHED_FROM && !this.#touch.matches;
    (searched ? this.#search : this.#list).focus({ preventScroll: true });
  };

  #filter = (/** @type {Event} */ event) => {
    event.stopPropagation();
    this.#draw();
    this.#listbox.refresh({ first: true });
  };

  #draw() {
    const shown = this.#assistants.filter((assistant) => isAsked(assistant, this.#search.value));
    this.#list.replaceChildren(...shown.map((assistant) => assistantOption(assistant, assistant === this.#chosen)));
    part(this.#root, "nobody").hidden = shown.length > 0;
  }

  /** @param {HTMLElement} option */
  #pick(option) {
    const slug = option.dataset.key ?? "";
    this.#remembered.write(slug);
    this.choose(slug);
    this.#menu.hidePopover();
    this.#onChoose();
  }
}
