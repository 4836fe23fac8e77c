/**
 * Where the blocks of a message stand. The first few are its own children; the others stand in parts of as many blocks each,
 * so that the browser can leave alone all of a long message that is not on the screen (`content-visibility` in markdown.css):
 * otherwise each frame of a stream would cost as much as the message is long.
 */

import { patchNodes } from "./patch.js";

export const BLOCKS_OF_A_PART = 64;
/** What stands for a node that was drawn apart from the page (draw_over.js). @type {WeakMap<Node, Node>} */
export const standIns = new WeakMap();

/** @template {Node} T @param {T} node @returns {T} what stands for it */
export const standIn = (node) => /** @type {T} */ (standIns.get(node) ?? node);

export class Parts {
  #container;
  #part;
  /** How many blocks of the last part are final. */
  #final = 0;

  /** @param {Element} container */
  constructor(container) {
    this.#container = this.#part = container;
  }

  /**
   * Draws over the open end of the message.
   *
   * @param {ChildNode[]} existing  what is drawn of the open end
   * @param {ChildNode[]} final     the blocks that are final from now on
   * @param {ChildNode[]} open      those after them, which are not
   * @returns {ChildNode[]} what stands in the document now, final and open
   */
  draw(existing, final, open) {
    const room = BLOCKS_OF_A_PART - this.#final;
    if (final.length < room || (final.length === room && !open.length)) {
      this.settle(final.length);
      return patchNodes(this.#part, existing, [...final, ...open]);
    }
    const drawn = patchNodes(this.#part, existing, final.slice(0, room));
    this.#begin();
    return [...drawn, ...this.draw([], final.slice(room), open)];
  }

  /** So many blocks at the end, drawn as open ones, are final. @param {number} count */
  settle(count) {
    this.#final += count;
  }

  /** What was drawn apart stands in the page now. */
  move() {
    this.#container = standIn(this.#container);
    this.#part = standIn(this.#part);
  }

  #begin() {
    const part = /** @type {Document} */ (this.#container.ownerDocument).createElement("div");
    part.setAttribute("class", "markdown-part");
    this.#container.append(part);
    this.#part = part;
    this.#final = 0;
  }
}

/**
 * Draws final blocks again, each in its place.
 *
 * @param {ChildNode[]} existing @param {ChildNode[]} wanted  as many
 * @returns {ChildNode[]}
 */
export function redraw(existing, wanted) {
  return existing.map(standIn).flatMap((node, index) => patchNodes(/** @type {Node} */ (node.parentNode), [node], wanted.slice(index, index + 1), node.nextSibling));
}
