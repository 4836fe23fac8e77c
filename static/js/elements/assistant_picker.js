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

/** The choice of who answers a new conversation; in one that has begun it only tells. */
export class AssistantPicker {
  #assistants;
  #label;
  /** @type {HTMLSelectElement} */
  #select;
  #told;

  /**
   * @param {Assistant[]} assistants
   * @param {object} elements
   * @param {HTMLElement} elements.label holds the select
   * @param {HTMLElement} elements.told the words in its place
   */
  constructor(assistants, { label, told }) {
    this.#assistants = assistants;
    this.#label = label;
    this.#told = told;
    this.#select = /** @type {HTMLSelectElement} */ (label.querySelector("select"));
    this.#select.replaceChildren(...assistants.map(optionFor));
    this.choose(null);
  }

  /** @returns {Assistant | null} */
  get chosen() {
    return this.#assistants.find(({ slug }) => slug === this.#select.value) ?? null;
  }

  /** @param {string | null} slug null: the default */
  choose(slug) {
    const fallback = this.#assistants.find((assistant) => assistant.default) ?? this.#assistants[0];
    const chosen = this.#assistants.find((assistant) => assistant.slug === slug) ?? fallback;
    this.#select.value = chosen?.slug ?? "";
    this.#told.textContent = chosen?.name ?? "";
  }

  /** @param {boolean} fixed */
  set fixed(fixed) {
    const choice = !fixed && this.#assistants.length > 1;
    this.#label.hidden = !choice;
    this.#told.hidden = choice || this.#assistants.length === 0;
  }
}

/** @param {Assistant} assistant */
function optionFor({ slug, name, model, description }) {
  const option = document.createElement("option");
  option.value = slug;
  option.textContent = model && model.toLowerCase() !== name.toLowerCase() ? `${name} · ${model}` : name;
  option.title = description;
  return option;
}
