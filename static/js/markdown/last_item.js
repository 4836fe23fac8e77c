/**
 * The last item of an open list. When the list is too long to be reparsed with each chunk, only its last item is:
 * earlier items no longer change, with rare exceptions that the next full parse corrects.
 */

import { patchNodes } from "./patch.js";

/** @typedef {import("./parser.js").Token} Token */

const ITEM_LEVEL = 1;

export class LastItem {
  #isLoose;
  /** Its offset in the open text. */
  #offset;
  #block;

  /**
   * @param {ChildNode} block  the list as drawn
   * @param {{ offset: number, isLoose: boolean }} place
   */
  constructor(block, { offset, isLoose }) {
    this.#block = block;
    this.#offset = offset;
    this.#isLoose = isLoose;
  }

  /**
   * @param {Token[]} tokens  tokens of the open text
   * @param {string} text     the open text, as far as it has been drawn
   * @param {ChildNode | undefined} drawn  the last node drawn for it
   * @returns {LastItem | null} null unless the text ends with a list
   */
  static find(tokens, text, drawn) {
    const block = tokens.findLast(isBlock);
    const item = block && lastItemOf(block, tokens);
    if (!block?.map || !item?.map || !drawn) return null;
    return new LastItem(drawn, { offset: lineStart(text, item.map[0]), isLoose: tokens.some(isLooseParagraph) });
  }

  /** The last item after more text has arrived. @param {Token[]} tokens  of `sourceIn` @param {string} source */
  next(tokens, source) {
    const block = tokens.find(isBlock);
    const item = block && lastItemOf(block, tokens);
    const moved = item?.map ? lineStart(source, item.map[0]) : 0;
    return new LastItem(this.#block, { offset: this.#offset + moved, isLoose: this.#isLoose });
  }

  /** The text to parse instead of the whole. @param {string} text  the open text */
  sourceIn(text) {
    return text.slice(this.#offset);
  }

  /** @param {number} length  of the open text */
  lengthIn(length) {
    return length - this.#offset;
  }

  /** In a loose list, every item contains paragraphs, even one that would not need them alone. @param {Token[]} tokens */
  loosen(tokens) {
    if (this.#isLoose) for (const token of tokens) if (isItemParagraph(token)) token.hidden = false;
  }

  /** The last item, and the nodes after the list. @param {ChildNode[]} drawn  as last drawn */
  newest(drawn) {
    const last = itemsOf(this.#block)?.lastChild;
    return [...(last ? [last] : []), ...drawn.slice(drawn.indexOf(this.#block) + 1)];
  }

  /**
   * Draws the parsed end over the last item and the nodes after it.
   *
   * @param {ChildNode[]} drawn  the whole open text: the list, and the nodes after it
   * @param {ChildNode[]} nodes  of the parsed end
   * @returns {ChildNode[] | null} the nodes drawn now; null if the end does not continue the list
   */
  draw(drawn, nodes) {
    const at = drawn.indexOf(this.#block);
    const [current, wanted] = [itemsOf(this.#block), itemsOf(nodes[0])];
    const container = this.#block.parentNode;
    if (at < 0 || !current || !wanted || !container || this.#block.nodeName !== nodes[0].nodeName) return null;
    const last = current.lastChild;
    if (last) patchNodes(current, [last], [...wanted.childNodes]);
    return [...drawn.slice(0, at + 1), ...patchNodes(container, drawn.slice(at + 1), nodes.slice(1))];
  }
}

/** @param {Token} token */
function isBlock(token) {
  return token.level === 0 && token.nesting >= 0 && token.map !== null;
}

/** @param {Token} block @param {Token[]} tokens */
function lastItemOf(block, tokens) {
  const [start, end] = block.map ?? [0, 0];
  if (!block.type.endsWith("_list_open")) return undefined;
  return tokens.findLast(({ type, level, map }) => type === "list_item_open" && level === ITEM_LEVEL && map && map[0] >= start && map[0] < end);
}

/** @param {Token} token */
function isItemParagraph(token) {
  return token.level === ITEM_LEVEL + 1 && /^paragraph_/.test(token.type);
}

/** @param {Token} token */
function isLooseParagraph(token) {
  return isItemParagraph(token) && !token.hidden;
}

/** @param {ChildNode | undefined} node @returns {Element | null} */
function itemsOf(node) {
  if (!node || node.nodeType !== 1) return null;
  const element = /** @type {Element} */ (node);
  return element.localName === "ul" || element.localName === "ol" ? element : null;
}

/** @param {string} text @param {number} line */
function lineStart(text, line) {
  let start = 0;
  for (let count = 0; count < line; count += 1) start = text.indexOf("\n", start) + 1;
  return start;
}
