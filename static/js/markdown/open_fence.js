/**
 * A code fence that is still open: by far the longest block of a typical answer, and the simplest. Its lines go
 * straight into one text node, without a parser; only the beginning of each line is checked, for the closing fence.
 */

// These are more than plain code (fences.js).
const OTHER = /^\s*(?:math|markdown|md)\s*$/i;
const OPENING = /^(?:[ \t]*\n)*(`{3,}(?!`)|~{3,}(?!~))([^\n]*)\n/;

export class OpenFence {
  /** @type {ChildNode[]} */
  nodes;
  #code;
  #closingCharacters;
  #closing;
  #line = "";
  #mayClose = true;
  #shown = 0;
  #isClosed = false;
  /** @type {Text | null} */
  #text = null;

  /**
   * @param {string} marker  the opening run of backticks or tildes
   * @param {{ block: HTMLElement, code: HTMLElement }} element
   */
  constructor(marker, { block, code }) {
    this.nodes = [block];
    this.#code = code;
    this.#closingCharacters = new RegExp(`^[ \\t${marker[0]}]*$`);
    this.#closing = new RegExp(`^ {0,3}${marker[0]}{${marker.length},}[ \\t]*$`);
  }

  /**
   * Recognises a text that begins with a fence at the left margin and a complete opening line.
   *
   * @param {string} text @param {Pick<import("./block_builder.js").BlockBuilder, "codeBlock">} blocks
   * @returns {{ block: OpenFence, rest: string } | null}
   */
  static open(text, blocks) {
    const found = OPENING.exec(text);
    if (!found) return null;
    const [all, marker, info] = found;
    if ((marker[0] === "`" && info.includes("`")) || OTHER.test(info)) return null;
    return { block: new OpenFence(marker, blocks.codeBlock(info)), rest: text.slice(all.length) };
  }

  /**
   * Sets its nodes in the page: its own, or equal ones from a preview.
   *
   * @param {ChildNode[]} drawn
   * @param {boolean} [isFilled]  whether they already contain the text so far
   */
  standAs(drawn, isFilled) {
    const [own] = this.nodes;
    this.nodes = drawn;
    if (drawn[0] === own) return;
    this.#code = /** @type {HTMLElement} */ (/** @type {Element} */ (drawn[0]).querySelector("pre > code"));
    if (isFilled) this.#text = /** @type {Text | null} */ (this.#code.lastChild);
    else this.#code.replaceChildren();
  }

  /**
   * @param {string} text  with "\n" line ends
   * @returns {string | null} the text after the closing line; null while the fence is open
   */
  push(text) {
    let start = 0;
    let visible = "";
    for (let end; (end = text.indexOf("\n", start)) !== -1; start = end + 1) {
      this.#line += text.slice(start, end);
      if (this.#closing.test(this.#line)) {
        this.#show(visible);
        this.#isClosed = true;
        return text.slice(end + 1);
      }
      visible += `${this.#line.slice(this.#shown)}\n`;
      this.#line = "";
      this.#shown = 0;
      this.#mayClose = true;
    }
    this.#show(visible + this.#takeVisible(text.slice(start)));
    return null;
  }

  /** The text has ended inside the fence, or with its closing line. @returns {string} nothing follows it */
  finish() {
    if (!this.#closing.test(this.#line)) this.#show(this.#line.slice(this.#shown));
    this.#isClosed = true;
    return "";
  }

  /** Nodes that no longer change and have not been dressed yet (dressing.js). @returns {ChildNode[]} */
  takeUndressed() {
    return this.#isClosed ? this.nodes : [];
  }

  /** How much of the incomplete line to show: none while it may become the closing fence. @param {string} added */
  #takeVisible(added) {
    this.#line += added;
    this.#mayClose &&= this.#closingCharacters.test(added);
    if (this.#mayClose) return "";
    const visible = this.#line.slice(this.#shown);
    this.#shown = this.#line.length;
    return visible;
  }

  /** @param {string} text */
  #show(text) {
    if (!text) return;
    // A translation tool or an extension may have replaced it.
    if (this.#text && this.#code.contains(this.#text)) this.#text.appendData(text);
    else this.#text = this.#code.appendChild(this.#code.ownerDocument.createTextNode(text));
  }
}
