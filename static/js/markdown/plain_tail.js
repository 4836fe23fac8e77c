/**
 * Shows new text at once, as it is, between two parses of the open end of a message; the next parse puts it right.
 */

import { isUndecided } from "./hold.js";

// A line which is held back is looked at again with every chunk; past this length it is simply shown.
const LONGEST_HELD = 1_000;
const CLOSED_ELEMENTS = new Set(["a", "button", "code", "span", "input", "br", "hr"]);

export class PlainTail {
  #unshown = "";
  #atLineStart = false;
  /** @type {Text | null} */
  #text = null;
  /** @type {ChildNode | undefined} */
  #last;

  /**
   * The open end has been parsed and drawn.
   *
   * @param {ChildNode | undefined} last  the last node drawn, if it is open
   * @param {string} held                 what of the text was not drawn
   * @param {boolean} atLineStart         whether `held`, or else the text to come, begins a line
   */
  reset(last, held, atLineStart) {
    this.#last = last;
    this.#text = null;
    this.#unshown = held;
    this.#atLineStart = atLineStart;
  }

  /** @param {string} text */
  push(text) {
    this.#unshown += text;
    if (!this.#last || this.#isHeld()) return;
    this.#text ??= openText(this.#last);
    this.#text.appendData(this.#unshown);
    this.#atLineStart = this.#unshown.endsWith("\n");
    this.#unshown = "";
  }

  #isHeld() {
    const held = this.#unshown;
    if (!this.#atLineStart || held.length > LONGEST_HELD || held.includes("\n")) return false;
    return isUndecided(held);
  }
}

/** The text node at the end of the block, a new one if the last one belongs to something complete. @param {ChildNode} block */
function openText(block) {
  /** @type {Node} */
  let node = block;
  for (let last = node.lastChild; last; last = node.lastChild) {
    if (last.nodeType === 3) return /** @type {Text} */ (last);
    const element = /** @type {Element} */ (last);
    const isCodeBlock = element.localName === "code" && element.parentElement?.localName === "pre";
    if (CLOSED_ELEMENTS.has(element.localName) && !isCodeBlock) break;
    node = last;
  }
  return node.appendChild(/** @type {Document} */ (node.ownerDocument).createTextNode(""));
}
