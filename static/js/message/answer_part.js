import { cloneTemplate } from "../ui/template_parts.js";
import { KINDS } from "./part_kinds.js";

/**
 * @typedef {import("./part_kinds.js").Drawn} Drawn
 *
 * @typedef {object} Options
 * @property {boolean} live whether the answer is being written now
 * @property {boolean} own whether it is a part of the answer itself, not of a member's
 */

/**
 * A part in its place. The place is there at once, with the content of its template; what the part says is drawn as
 * soon as the code of its kind is loaded. If that fails, the place stays hidden and the rest of the answer is shown.
 */
export class AnswerPart {
  /** @type {Drawn | Promise<Drawn | null>} */
  #drawn;

  /** @param {string} kind @param {Options} options */
  constructor(kind, options) {
    const { template, code } = KINDS[kind];
    this.kind = kind;
    this.own = options.own;
    this.root = /** @type {HTMLElement} */ (cloneTemplate(template).firstElementChild);
    const draw = (/** @type {import("./part_kinds.js").Drawing} */ { Drawn }) => (this.#drawn = new Drawn(this.root, options));
    this.#drawn = code.loaded ? draw(code.loaded) : code.load().then(draw, () => this.#hide());
  }

  /** @param {string} name @param {any} data @returns {Promise<void> | void} resolves after the paint */
  hear(name, data) {
    return this.#tell((drawn) => drawn.hear(name, data));
  }

  /** It will not grow any more. */
  settle() {
    void this.#tell((drawn) => drawn.settle?.());
  }

  /** The answer has ended. @param {string} status */
  end(status) {
    void this.#tell((drawn) => drawn.end(status));
  }

  remove() {
    this.close();
    this.root.remove();
  }

  close() {
    void this.#tell((drawn) => drawn.close?.());
  }

  /** One after another, in order. @param {(drawn: Drawn) => Promise<void> | void} act */
  #tell(act) {
    return this.#drawn instanceof Promise ? this.#drawn.then((drawn) => (drawn ? act(drawn) : undefined)) : act(this.#drawn);
  }

  /** @returns {null} */
  #hide() {
    this.root.hidden = true;
    return null;
  }
}
