/**
 * Markdown that is rendered while it arrives.
 *
 * Finished blocks are parsed once, drawn, and never touched again (settling.js); the open end is drawn as a preview,
 * as often as the work credit allows (work_credit.js). When the text ends the DOM equals that of rendering it at once.
 */

import { ElementBuilder } from "./elements.js";
import { shownLength } from "./hold.js";
import { LastItem } from "./last_item.js";
import { OpenFence } from "./open_fence.js";
import { createParser } from "./parser.js";
import { patchNodes } from "./patch.js";
import { PlainTail } from "./plain_tail.js";
import { createPreviewParser } from "./preview_parser.js";
import { References } from "./references.js";
import { settledLines } from "./settling.js";
import { SourceText } from "./source_text.js";
import { EARNED_FOR_ALL, EARNED_FOR_LAST_ITEM, WorkCredit } from "./work_credit.js";

/** @typedef {{ source: string, nodes: ChildNode[] }} Slice  a settled piece of text and what was drawn for it */

const parser = createParser();
const previewParser = createPreviewParser();

/** One message: being streamed, or rendered whole. */
export class MarkdownStream {
  #container;
  #builder;
  #source = new SourceText();
  #references = new References();
  #credit = new WorkCredit(EARNED_FOR_ALL);
  #lastItemCredit = new WorkCredit(EARNED_FOR_LAST_ITEM);
  #plain = new PlainTail();
  #tail = "";
  #hasNewLine = false;
  /** @type {ChildNode[]} */
  #tailNodes = [];
  /** @type {OpenFence | null} */
  #fence = null;
  /** @type {LastItem | null} */
  #lastItem = null;
  #finished = false;
  #parsed = 0;

  /**
   * @param {Element} container  nobody else may change its children
   * @param {{ location?: string, document?: Document }} [options]  location: URL of the page, to judge links against
   */
  constructor(container, options = {}) {
    this.#container = container;
    const location = options.location ?? globalThis.location?.href ?? "";
    this.#builder = new ElementBuilder(options.document ?? container.ownerDocument, location, parser);
  }

  /** Everything received so far, as it was written. */
  get text() {
    return this.#source.raw;
  }

  /** How many characters have been handed to the parser; linear in the text's length (work_credit.js). */
  get parsedCharacters() {
    return this.#parsed;
  }

  /**
   * Adds text and draws it, as far as it can be shown yet.
   *
   * @param {string} text
   */
  push(text) {
    if (this.#finished) throw new Error("The text has ended already");
    this.#feed(this.#source.push(text));
  }

  /** The text has ended: everything is shown, and links whose definition came late are made. */
  finish() {
    if (this.#finished) return;
    this.#finished = true;
    this.#append(this.#source.finish());
    if (this.#fence) this.#fence.finish();
    else this.#draw(this.#settle(this.#tail));
    this.#fence = null;
    this.#tail = "";
    for (const slice of this.#references.takeLate()) this.#redraw(/** @type {Slice} */ (slice));
  }

  /** Renders a text at once: no preview, one parse. @param {string} text */
  renderWhole(text) {
    this.#append(this.#source.push(text));
    this.finish();
  }

  /** @param {string} text */
  #feed(text) {
    const added = this.#append(text);
    if (!added) return;
    if (this.#credit.affords(this.#priceOfUpdate)) this.#update();
    else if (!this.#previewLastItem()) this.#plain.push(added);
  }

  /** Finding finished blocks and drawing the rest hand each character to the parser once. */
  get #priceOfUpdate() {
    return this.#tail.length * (this.#hasNewLine ? 2 : 1);
  }

  /** @param {string} text @returns {string} the part that went into the tail */
  #append(text) {
    this.#credit.earn(text.length);
    this.#lastItemCredit.earn(text.length);
    const rest = this.#fence ? this.#fence.push(text) : text;
    if (rest === null) return "";
    if (this.#fence) this.#closeFence();
    this.#tail += rest;
    this.#hasNewLine ||= rest.includes("\n");
    return rest;
  }

  #closeFence() {
    this.#fence = null;
    this.#lastItem = null;
    this.#tailNodes = [];
    this.#plain.reset(undefined, "", true);
  }

  /** Settles what is finished and previews the rest. */
  #update() {
    const settled = this.#hasNewLine ? this.#settleFinished() : [];
    const opening = OpenFence.opening(this.#tail);
    if (opening) this.#openFence(settled, opening);
    else this.#preview(settled);
  }

  /** @returns {ChildNode[]} new nodes for the blocks that are final now */
  #settleFinished() {
    this.#hasNewLine = false;
    const lines = this.#tail.slice(0, this.#tail.lastIndexOf("\n") + 1);
    const end = endOfLine(lines, this.#countSettledLines(lines));
    if (end === 0) return [];
    const nodes = this.#settle(lines.slice(0, end));
    this.#tail = this.#tail.slice(end);
    return nodes;
  }

  /** @param {string} lines */
  #countSettledLines(lines) {
    this.#count(lines);
    /** @type {import("./parser.js").Token[]} */
    const tokens = [];
    try {
      parser.block.parse(lines, parser, { references: this.#references.overlay() }, tokens);
    } catch {
      return 0;
    }
    return settledLines(tokens);
  }

  /** @param {string} source @returns {ChildNode[]} */
  #settle(source) {
    this.#count(source);
    /** @type {Slice} */
    const slice = { source: "", nodes: [] };
    const { result, missed } = this.#references.record(slice, (references) =>
      this.#build(source, () => parser.parse(source, { references })),
    );
    if (missed) slice.source = source;
    slice.nodes = result;
    this.#settling.push(slice);
    return result;
  }

  /** Slices built but not drawn yet: drawing may keep older elements in place of the new ones. @type {Slice[]} */
  #settling = [];

  /** @param {ChildNode[]} settled */
  #preview(settled) {
    const shown = this.#tail.slice(0, shownLength(this.#tail));
    const { tokens, nodes } = this.#parsePreview(shown);
    this.#draw(settled, nodes);
    this.#lastItem = LastItem.find(tokens, shown, this.#tailNodes.at(-1));
    this.#holdBack(shown.length, shown);
  }

  /** @returns {boolean} whether it could be drawn */
  #previewLastItem() {
    const length = this.#lastItem?.lengthIn(this.#tail.length) ?? 0;
    if (!this.#lastItem || !this.#credit.affords(length) || !this.#lastItemCredit.affords(length)) return false;
    const source = this.#lastItem.sourceIn(this.#tail);
    const shown = source.slice(0, shownLength(source));
    this.#lastItemCredit.spend(shown.length);
    const { tokens, nodes } = this.#parsePreview(shown, this.#lastItem);
    const drawn = this.#lastItem.draw(this.#tailNodes, nodes);
    if (!drawn) return false;
    this.#tailNodes = drawn;
    this.#lastItem = this.#lastItem.next(tokens, shown);
    this.#holdBack(this.#tail.length - source.length + shown.length, shown);
    return true;
  }

  /** @param {string} shown @param {LastItem | null} [lastItem] */
  #parsePreview(shown, lastItem = null) {
    this.#count(shown);
    /** @type {import("./parser.js").Token[]} */
    let tokens = [];
    const nodes = this.#build(shown, () => {
      tokens = previewParser.parse(shown, { references: this.#references.overlay() });
      lastItem?.loosen(tokens);
      return tokens;
    });
    return { tokens, nodes };
  }

  /** What has not been drawn yet of the tail waits in the plain text. @param {number} length @param {string} shown */
  #holdBack(length, shown) {
    const held = this.#tail.slice(length);
    this.#plain.reset(this.#tailNodes.at(-1), held, held !== "" || shown.endsWith("\n"));
  }

  /** @param {ChildNode[]} settled @param {{ marker: string, info: string, rest: string }} opening */
  #openFence(settled, { marker, info, rest }) {
    const { block, code } = this.#builder.codeBlock(info);
    this.#draw(settled, [block]);
    const drawn = /** @type {Element} */ (this.#tailNodes[0]);
    const target = drawn === block ? code : emptied(/** @type {HTMLElement} */ (drawn.querySelector("pre > code")));
    this.#fence = new OpenFence(marker, target);
    this.#tail = "";
    this.#feed(rest);
  }

  /** @param {ChildNode[]} settled @param {ChildNode[]} [open] */
  #draw(settled, open = []) {
    const drawn = patchNodes(this.#container, this.#tailNodes, [...settled, ...open]);
    this.#tailNodes = drawn.slice(settled.length);
    for (const slice of this.#settling) slice.nodes = slice.source ? drawn.slice(0, settled.length) : [];
    this.#settling = [];
  }

  /** Draws a settled slice again, now that its links are defined. @param {Slice} slice */
  #redraw(slice) {
    this.#count(slice.source);
    const references = this.#references.overlay();
    const nodes = this.#build(slice.source, () => parser.parse(slice.source, { references }));
    const after = slice.nodes.at(-1)?.nextSibling ?? null;
    slice.nodes = patchNodes(this.#container, slice.nodes, nodes, after);
  }

  /**
   * No text may break the page: what the parser cannot take, however it fails, is shown as it is.
   *
   * @param {string} source @param {() => import("./parser.js").Token[]} parse
   */
  #build(source, parse) {
    try {
      return this.#builder.build(parse());
    } catch {
      return [this.#builder.plainText(source)];
    }
  }

  /** @param {string} source */
  #count(source) {
    this.#parsed += source.length;
    this.#credit.spend(source.length);
  }
}

/**
 * Renders a text at once, the same way as a streamed one.
 *
 * @param {Element} container
 * @param {string} text
 * @param {{ location?: string, document?: Document }} [options]
 * @returns {MarkdownStream}
 */
export function renderMarkdown(container, text, options) {
  const stream = new MarkdownStream(container, options);
  stream.renderWhole(text);
  return stream;
}

/** @param {string} text @param {number} lines @returns {number} where the given number of lines ends */
function endOfLine(text, lines) {
  let end = 0;
  for (let line = 0; line < lines; line += 1) end = text.indexOf("\n", end) + 1;
  return end;
}

/** @param {HTMLElement} element */
function emptied(element) {
  element.replaceChildren();
  return element;
}
