/**
 * Shows new text at once, unformatted, between two parses of the open end of a message; the next parse corrects it.
 */

import { isUndecided } from "./hold.js";

// Markup waits for the next parse, which knows what it means; beyond this length it is shown as it is.
const LONGEST_HELD = 250;
const MARKUP = /[*_~`[\]!<>\\|#$]/;
// At the start of a line, one of these, or an empty line, may begin a new block.
const BLOCK = /^[ \t]*(?:$|[-+=]|\d{1,9}[.)])/m;
const CLOSED_ELEMENTS = new Set(["a", "button", "code", "span", "input", "br", "hr"]);

export class PlainTail {
  #unshown = "";
  #trimmed = "";
  #atLineStart = false;
  #hidesRest = false;
  /** @type {Text | null} */
  #text = null;
  /** @type {ChildNode | undefined} */
  #last;

  /**
   * The open end has been parsed and drawn.
   *
   * @param {ChildNode | undefined} last  the last node drawn, if it is open
   * @param {string} drawn                the text that was parsed, from the start of a line
   * @param {string} held                 the lines after it, if not drawn yet
   * @param {boolean} [hidesRest]         whether its end is hidden, and with it the text that continues it
   */
  reset(last, drawn, held, hidesRest = false) {
    this.#last = last;
    this.#hidesRest = hidesRest;
    this.#text = null;
    this.#trimmed = drawn.slice(drawn.trimEnd().length);
    this.#unshown = held;
    this.#atLineStart = held !== "" || drawn === "" || drawn.endsWith("\n");
  }

  /** @param {string} text */
  push(text) {
    this.#unshown += text;
    const length = this.#last ? this.#shownLength() : 0;
    if (!length || !this.#last) return;
    const shown = this.#unshown.slice(0, length);
    if (!this.#text) {
      this.#text = openText(this.#last);
      if (dropsTrailingSpace(this.#text)) this.#append(this.#text, this.#trimmed);
    }
    this.#append(this.#text, shown);
    this.#atLineStart = shown.endsWith("\n");
    this.#unshown = this.#unshown.slice(length);
  }

  /** @param {Text} place @param {string} shown */
  #append(place, shown) {
    if (isSource(place)) return place.appendData(shown);
    const [first, ...lines] = shown.split("\n");
    place.appendData(first);
    for (const line of lines) {
      const document = /** @type {Document} */ (place.ownerDocument);
      this.#text = document.createTextNode(line);
      /** @type {Element} */ (place.parentNode).append(document.createElement("br"), this.#text);
    }
  }

  #shownLength() {
    const text = this.#unshown;
    if (text.length > LONGEST_HELD) return text.length;
    if (this.#hidesRest) return 0;
    const markup = text.search(MARKUP);
    const plain = this.#beforeBlock(markup < 0 ? text : text.slice(0, markup));
    const start = plain.lastIndexOf("\n") + 1;
    const startsLine = start > 0 || this.#atLineStart;
    return startsLine && isUndecided(plain.slice(start)) ? start : plain.length;
  }

  /** @param {string} text */
  #beforeBlock(text) {
    const from = this.#atLineStart ? 0 : text.indexOf("\n") + 1;
    if (from === 0 && !this.#atLineStart) return text;
    const found = BLOCK.exec(text.slice(from));
    return found ? text.slice(0, from + found.index) : text;
  }
}

/**
 * Markdown drops the space at the end of a paragraph: it has to be added when the paragraph continues.
 *
 * @param {Text} text
 */
function dropsTrailingSpace(text) {
  return !isSource(text) && !/\s$/.test(text.data);
}

/** Whether it is shown as written, in a code block or the source of a formula. @param {Text} text */
function isSource(text) {
  return Boolean(text.parentElement?.closest("pre, .math"));
}

/** The text node at the end of the block; a new one if the last belongs to a complete element. @param {ChildNode} block */
function openText(block) {
  /** @type {Node} */
  let node = block;
  for (let last = node.lastChild; last; last = node.lastChild) {
    if (last.nodeType === 3) return /** @type {Text} */ (last);
    const element = /** @type {Element} */ (last);
    const isCodeBlock = element.localName === "code" && element.parentElement?.localName === "pre";
    if ((CLOSED_ELEMENTS.has(element.localName) && !isCodeBlock) || element.className === "footnote-mark") break;
    node = last;
  }
  return node.appendChild(/** @type {Document} */ (node.ownerDocument).createTextNode(""));
}
