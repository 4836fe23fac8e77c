import { arrange } from "../ui/arrange.js";

/**
 * The headings of a list and the rows below each. Redrawing moves only what has changed place.
 *
 * @typedef {{ label: string, rows: Element[] }} Group
 */
export class ConversationGroups {
  #root;
  /** @type {Map<string, HTMLElement>} */
  #sections = new Map();

  /** @param {Element} root */
  constructor(root) {
    this.#root = root;
  }

  /** @param {Group[]} groups with different labels */
  draw(groups) {
    const labels = new Set(groups.map(({ label }) => label));
    for (const label of this.#sections.keys()) if (!labels.has(label)) this.#sections.delete(label);
    arrange(this.#root, groups.map((group) => this.#section(group)));
  }

  /** @param {Group} group */
  #section({ label, rows }) {
    const section = this.#sections.get(label) ?? newSection(label);
    this.#sections.set(label, section);
    arrange(/** @type {Element} */ (section.lastElementChild), rows);
    return section;
  }
}

/** @param {string} label */
function newSection(label) {
  const section = document.createElement("div");
  const heading = document.createElement("h2");
  heading.className = "conversations__group";
  heading.textContent = label;
  const list = document.createElement("ul");
  list.setAttribute("role", "list");
  list.setAttribute("aria-label", label);
  section.append(heading, list);
  return section;
}
