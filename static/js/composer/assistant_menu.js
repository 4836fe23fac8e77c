import { assistantOption, isAsked } from "./assistant_option.js";
import { Listbox } from "../ui/listbox.js";
import { part } from "../ui/template_parts.js";

/** With fewer assistants, a search field would be clutter. */
const SEARCHED_FROM = 6;

/** The list opened by the picker: search by typing, move with the arrow keys. */
export class AssistantMenu {
  #root;
  #assistants;
  #listbox;
  #touch = matchMedia("(hover: none) and (pointer: coarse)");
  /** @type {string | null} */
  #chosen = null;

  /**
   * @param {HTMLElement} root the picker's
   * @param {object} options
   * @param {import("./assistant_picker.js").Assistant[]} options.assistants
   * @param {(slug: string) => void} options.onPick
   */
  constructor(root, { assistants, onPick }) {
    this.#root = root;
    this.#assistants = assistants;
    this.#listbox = new Listbox({ field: this.#search, list: this.#list, onChoose: ({ dataset }) => onPick(dataset.key ?? "") });
    this.#search.addEventListener("input", this.#filter);
  }

  /** Called when the menu opens. @param {string | null} chosen the slug of the current assistant */
  show(chosen) {
    this.#chosen = chosen;
    this.#search.value = "";
    part(this.#root, "search").hidden = !this.#searched;
    this.#draw();
    const option = this.#listbox.options.find(({ dataset }) => dataset.key === chosen);
    this.#listbox.activate(option ?? null, { scroll: true });
    // On a touch screen, the keyboard would cover the list.
    const field = this.#searched && !this.#touch.matches ? this.#search : this.#list;
    field.focus({ preventScroll: true });
  }

  close() {
    this.#listbox.close();
    this.#search.removeEventListener("input", this.#filter);
  }

  get #searched() {
    return this.#assistants.length >= SEARCHED_FROM;
  }

  /** @returns {HTMLElement} */
  get #list() {
    return part(this.#root, "list");
  }

  /** @returns {HTMLInputElement} */
  get #search() {
    return part(this.#root, "search-field");
  }

  #filter = () => {
    this.#draw();
    this.#listbox.refresh({ first: true });
  };

  #draw() {
    const shown = this.#assistants.filter((assistant) => isAsked(assistant, this.#search.value));
    this.#list.replaceChildren(...shown.map((assistant) => assistantOption(assistant, assistant.slug === this.#chosen)));
    part(this.#root, "nobody").hidden = shown.length > 0;
  }
}
