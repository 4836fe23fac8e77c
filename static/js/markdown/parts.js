/**
 * Where the blocks of a message go. The first few are its direct children; the others are grouped into parts of the
 * same number of blocks, so that the browser can skip what is off-screen (`content-visibility` in markdown.css).
 * Otherwise, the cost of each frame of a stream would grow with the length of the message.
 */

import { patchNodes } from "./patch.js";

export const BLOCKS_OF_A_PART = 64;
/** The node that replaced a node drawn off-screen (draw_over.js). @type {WeakMap<Node, Node>} */
export const standIns = new WeakMap();

/** @template {Node} T @param {T} node @returns {T} the node in its place */
export const standIn = (node) => /** @type {T} */ (standIns.get(node) ?? node);

export class Parts {
  #container;
  #part;
  /** The number of final blocks in the last part. */
  #final = 0;

  /** @param {Element} container */
  constructor(container) {
    this.#container = this.#part = container;
  }

  /**
   * Draws over the open end of the message.
   *
   * @param {ChildNode[]} existing  the drawn nodes of the open end
   * @param {ChildNode[]} final     the newly final blocks
   * @param {ChildNode[]} open      the open blocks after them
   * @returns {ChildNode[]} the nodes now in the document, final and open
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

  /** Makes the first `count` open blocks final. @param {number} count */
  settle(count) {
    this.#final += count;
  }

  /** What was drawn off-screen is in the page now. */
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
 * Redraws final blocks, each in its place.
 *
 * @param {ChildNode[]} existing @param {ChildNode[]} wanted  the same number
 * @returns {ChildNode[]}
 */
export function redraw(existing, wanted) {
  return existing.map(standIn).flatMap((node, index) => patchNodes(/** @type {Node} */ (node.parentNode), [node], wanted.slice(index, index + 1), node.nextSibling));
}
