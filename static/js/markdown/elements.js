/**
 * Builds DOM from markdown tokens: the safety boundary for everything a model writes. No HTML is involved. Only the
 * elements named here and in dialect_elements.js are created, with the attributes set there; any other token becomes
 * text.
 */

import { gettext } from "../ui/i18n.js";
import { createCodeBlock } from "./code_blocks.js";
import { directionOf } from "./direction.js";
import { dialectElement, markDialect, readInfo } from "./late_dialect.js";
import { createImagePlaceholder, createLink, nameHost } from "./links.js";
import { placeForRow } from "./long_table.js";

/** @typedef {import("./parser.js").Token} Token */
/**
 * @typedef {{ node: Node, close?: () => void, isDirected?: boolean }} Open  isDirected: its content determines its
 *   direction
 */

// Emphasis can nest without limit, and browsers lay out deep trees recursively.
const MAX_DEPTH = 120;
const TAGS = new Set("p ul ol li blockquote thead tbody tr th td h1 h2 h3 h4 h5 h6 em strong s".split(" "));
const OWN_DIRECTION = new Set("p ul ol blockquote summary th td h1 h2 h3 h4 h5 h6".split(" "));
const ALIGNMENT = /^text-align:(left|center|right)$/;

export class ElementBuilder {
  #document;
  #location;
  #parser;
  /** @type {Open[]} */
  #open = [];
  /** Open blocks with their own direction, outermost first. @type {{ element: Element, isKnown: boolean }[]} */
  #directed = [];
  #insideLink = false;
  #containers = 0;
  #needsDressing = false;

  /**
   * @param {Document} document
   * @param {string} location  URL of the page; links are checked against it
   * @param {import("./parser.js").MarkdownIt} parser
   */
  constructor(document, location, parser) {
    this.#document = document;
    this.#location = location;
    this.#parser = parser;
  }

  /** @param {Token[]} tokens @returns {ChildNode[]} */
  build(tokens) {
    const root = this.#document.createDocumentFragment();
    this.#open = [{ node: root }];
    this.#directed = [];
    this.#insideLink = false;
    this.#containers = 0;
    this.#walk(tokens);
    return [...root.childNodes];
  }

  /** Whether code to be coloured or a formula has been built since the last call. */
  takeNeedsDressing() {
    const needs = this.#needsDressing;
    this.#needsDressing = false;
    return needs;
  }

  /** An empty code block, filled as its text arrives. @param {string} info */
  codeBlock(info) {
    return createCodeBlock(this.#document, readInfo(this.#parser.utils.unescapeAll(info).trim()));
  }

  /** A paragraph with the raw text, for text that could not be parsed. @param {string} text */
  plainText(text) {
    const paragraph = this.#document.createElement("p");
    paragraph.setAttribute("class", "plain-text");
    paragraph.append(text);
    return paragraph;
  }

  /** @param {Token[]} tokens */
  #walk(tokens) {
    for (const token of tokens) {
      if (token.type === "inline") this.#walk(token.children ?? []);
      else if (token.hidden) continue;
      else if (token.nesting > 0) this.#openElement(token);
      else if (token.nesting < 0) this.#closeElement();
      else this.#leaf(token);
    }
  }

  /** @param {Token} token */
  #openElement(token) {
    const opened = this.#open.length > MAX_DEPTH ? null : this.#create(token);
    this.#open.push(opened ?? { node: this.#parent });
  }

  #closeElement() {
    const closed = this.#open.pop();
    if (closed?.isDirected) this.#directed.pop();
    closed?.close?.();
  }

  /** @param {Token} token @returns {Open | null} */
  #create(token) {
    if (token.type === "link_open") return this.#createLink(token);
    if (token.type === "table_open") return this.#createTable();
    const tag = token.tag;
    const element = TAGS.has(tag) ? this.#document.createElement(tag) : dialectElement(this.#document, token);
    if (!element) return null;
    const isDirected = OWN_DIRECTION.has(tag) && !(tag === "p" && this.#containers);
    if (isDirected) this.#direct(element);
    if (tag === "ol") setStart(element, token);
    if (token.meta) markDialect(element, token);
    if (tag === "th") element.setAttribute("scope", "col");
    if (tag === "tbody") this.#directed[this.#directed.length - 1].isKnown = true;
    if (tag === "tr") this.#moveOn();
    if (tag === "th" || tag === "td") setAlignment(element, token);
    this.#parent.appendChild(element);
    if (tag !== "li" && tag !== "blockquote") return { node: element, isDirected };
    this.#containers += 1;
    return { node: element, isDirected, close: () => (this.#containers -= 1) };
  }

  /** Its own text, still to come, sets its direction; without a letter it is left-to-right. @param {Element} element */
  #direct(element) {
    element.setAttribute("dir", "ltr");
    this.#directed.push({ element, isKnown: false });
  }

  /** @param {string} text  the text shown next */
  #tellDirection(text) {
    const [outer, innermost] = this.#directed.slice(-2);
    // The first words of its heading also set the direction of a table.
    for (const block of outer?.element.localName === "table" ? [outer, innermost] : [innermost ?? outer]) {
      if (!block || block.isKnown) continue;
      const direction = directionOf(text);
      block.isKnown = direction !== "";
      if (direction === "rtl") block.element.setAttribute("dir", direction);
    }
  }

  /** Moves on to where the next row of a long table belongs. */
  #moveOn() {
    const parent = /** @type {Element} */ (this.#parent);
    const scroller = parent.localName === "tbody" && parent.parentElement?.parentElement;
    if (scroller && parent.lastElementChild) {
      this.#open[this.#open.length - 1].node = placeForRow(scroller, parent.lastElementChild.childElementCount);
    }
  }

  /** @param {Token} token @returns {Open | null} */
  #createLink(token) {
    const link = createLink(this.#document, token.attrGet("href") ?? "", token.attrGet("title") ?? "", this.#location);
    if (!link) return null;
    this.#parent.appendChild(link.element);
    this.#insideLink = true;
    const close = () => {
      this.#insideLink = false;
      nameHost(link.element, link.target);
    };
    return { node: link.element, close };
  }

  /** @returns {Open} */
  #createTable() {
    const scroller = this.#document.createElement("div");
    scroller.setAttribute("class", "table-scroll");
    scroller.setAttribute("role", "region");
    scroller.setAttribute("aria-label", gettext("Table"));
    scroller.setAttribute("tabindex", "0");
    const table = this.#document.createElement("table");
    scroller.append(table);
    this.#parent.appendChild(scroller);
    this.#direct(table);
    const close = () => scroller.setAttribute("dir", table.getAttribute("dir") ?? "ltr");
    return { node: table, isDirected: true, close };
  }

  /** @param {Token} token */
  #leaf(token) {
    if (token.type === "fence") this.#code(token.content, token.info);
    else if (token.type === "code_block") this.#code(token.content, "");
    else if (token.type === "code_inline") this.#inlineCode(token.content);
    else if (token.type === "hr") this.#parent.appendChild(this.#document.createElement("hr"));
    // Other chats have taught models that a line break in the source breaks the line.
    else if (/^(?:hard|soft)break$/.test(token.type)) this.#parent.appendChild(this.#document.createElement("br"));
    else if (token.type === "image") this.#image(token);
    else this.#other(token);
  }

  /** @param {Token} token */
  #other(token) {
    const element = dialectElement(this.#document, token);
    if (!element) return this.#text(token.content);
    this.#parent.appendChild(element);
    this.#needsDressing ||= element.hasAttribute("data-tex");
  }

  /** @param {string} content */
  #inlineCode(content) {
    const code = this.#document.createElement("code");
    // Code is left-to-right in any text, and does not affect the text's direction.
    code.setAttribute("dir", "ltr");
    code.setAttribute("translate", "no");
    code.append(content);
    this.#parent.appendChild(code);
  }

  /** @param {string} content @param {string} info */
  #code(content, info) {
    const { block, code } = this.codeBlock(info);
    if (content) code.append(content);
    this.#needsDressing ||= code.hasAttribute("class");
    this.#parent.appendChild(block);
  }

  /** @param {Token} token */
  #image(token) {
    const alt = textOf(token.children ?? []);
    this.#tellDirection(alt);
    const placeholder = createImagePlaceholder(this.#document, {
      source: token.attrGet("src") ?? "",
      alt,
      location: this.#location,
      insideLink: this.#insideLink,
    });
    this.#parent.appendChild(placeholder);
  }

  /** @param {string} text */
  #text(text) {
    if (!text) return;
    this.#tellDirection(text);
    const last = this.#parent.lastChild;
    if (last?.nodeType === 3) /** @type {Text} */ (last).appendData(text);
    else this.#parent.appendChild(this.#document.createTextNode(text));
  }

  get #parent() {
    return this.#open[this.#open.length - 1].node;
  }
}

/** @param {Element} element @param {Token} token */
function setStart(element, token) {
  const start = Number(token.attrGet("start") ?? 1);
  if (Number.isSafeInteger(start) && start !== 1) element.setAttribute("start", String(start));
}

/** @param {Element} element @param {Token} token */
function setAlignment(element, token) {
  const alignment = ALIGNMENT.exec(token.attrGet("style") ?? "");
  if (alignment) element.setAttribute("class", `align-${alignment[1]}`);
}

/** @param {Token[]} tokens @returns {string} */
function textOf(tokens) {
  return tokens.map((token) => (token.children ? textOf(token.children) : token.type === "softbreak" ? "\n" : token.content)).join("");
}
