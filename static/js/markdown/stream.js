/**
 * Markdown that is rendered while it arrives.
 *
 * Finished blocks are parsed once, drawn, and never touched again (settling.js); the open end is drawn as a preview,
 * as often as the work credit allows (work_credit.js). When the text ends the DOM equals that of rendering it at once.
 */

import { BlockBuilder } from "./block_builder.js";
import { shownLength } from "./hold.js";
import { LastItem } from "./last_item.js";
import { OpenFence } from "./open_fence.js";
import { patchNodes } from "./patch.js";
import { PlainTail } from "./plain_tail.js";
import { SourceText } from "./source_text.js";
import { EARNED_FOR_ALL, EARNED_FOR_LAST_ITEM, WorkCredit } from "./work_credit.js";

/** @typedef {import("./block_builder.js").Slice} Slice */
/** @typedef {{ location?: string, document?: Document }} Options  location: URL of the page, to judge links against */

/** One message: being streamed, or rendered whole. */
export class MarkdownStream {
  #container;
  #blocks;
  #source = new SourceText();
  #credit = new WorkCredit(EARNED_FOR_ALL);
  #lastItemCredit = new WorkCredit(EARNED_FOR_LAST_ITEM);
  #plain = new PlainTail();
  /** The open end of the text, and what is drawn of it. */
  #tail = "";
  #hasNewLine = false;
  /** @type {ChildNode[]} */
  #tailNodes = [];
  /** @type {OpenFence | null} */
  #fence = null;
  /** @type {LastItem | null} */
  #lastItem = null;
  #finished = false;

  /** @param {Element} container  nobody else may change its children @param {Options} [options] */
  constructor(container, options = {}) {
    this.#container = container;
    const location = options.location ?? globalThis.location?.href ?? "";
    this.#blocks = new BlockBuilder(options.document ?? container.ownerDocument, location);
  }

  /** Everything received so far, as it was written. */
  get text() {
    return this.#source.raw;
  }

  /** How many characters have been handed to the parser; linear in the text's length (work_credit.js). */
  get parsedCharacters() {
    return this.#blocks.parsedCharacters;
  }

  /** Adds text and draws it, as far as it can be shown yet. @param {string} text */
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
    else this.#draw(this.#blocks.settle(this.#tail));
    this.#fence = null;
    this.#tail = "";
    for (const slice of this.#blocks.takeLate()) this.#redraw(slice);
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
    // Finding finished blocks and drawing the rest hand each character to the parser once.
    const price = this.#tail.length * (this.#hasNewLine ? 2 : 1);
    if (this.#credit.affords(price)) this.#pay(() => this.#update());
    else if (!this.#previewLastItem()) this.#plain.push(added);
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

  /** @template T @param {() => T} work @returns {T} */
  #pay(work) {
    const before = this.parsedCharacters;
    const result = work();
    this.#credit.spend(this.parsedCharacters - before);
    return result;
  }

  /** Settles what is finished and previews the rest. */
  #update() {
    const settled = this.#hasNewLine ? this.#settle() : null;
    const opening = OpenFence.opening(this.#tail);
    if (opening) this.#openFence(settled, opening);
    else this.#preview(settled);
  }

  #settle() {
    this.#hasNewLine = false;
    const length = this.#blocks.settledLength(this.#tail);
    if (length === 0) return null;
    const settled = this.#blocks.settle(this.#tail.slice(0, length));
    this.#tail = this.#tail.slice(length);
    return settled;
  }

  /** @param {Slice | null} settled */
  #preview(settled) {
    const shown = this.#tail.slice(0, shownLength(this.#tail));
    const { tokens, nodes } = this.#blocks.preview(shown);
    this.#draw(settled, nodes);
    this.#lastItem = LastItem.find(tokens, shown, this.#tailNodes.at(-1));
    this.#holdBack(shown.length, shown);
  }

  /** @returns {boolean} whether it could be drawn */
  #previewLastItem() {
    const item = this.#lastItem;
    const price = item?.lengthIn(this.#tail.length) ?? 0;
    if (!item || !this.#credit.affords(price) || !this.#lastItemCredit.affords(price)) return false;
    const source = item.sourceIn(this.#tail);
    const shown = source.slice(0, shownLength(source));
    this.#lastItemCredit.spend(shown.length);
    const { tokens, nodes } = this.#pay(() => this.#blocks.preview(shown, (parsed) => item.loosen(parsed)));
    const drawn = item.draw(this.#tailNodes, nodes);
    if (!drawn) return false;
    this.#tailNodes = drawn;
    this.#lastItem = item.next(tokens, shown);
    this.#holdBack(this.#tail.length - source.length + shown.length, shown);
    return true;
  }

  /** What has not been drawn yet of the tail waits in the plain text. @param {number} length @param {string} shown */
  #holdBack(length, shown) {
    this.#plain.reset(this.#tailNodes.at(-1), shown, this.#tail.slice(length));
  }

  /** @param {Slice | null} settled @param {{ marker: string, info: string, rest: string }} opening */
  #openFence(settled, { marker, info, rest }) {
    const { block, code } = this.#blocks.codeBlock(info);
    this.#draw(settled, [block]);
    const [drawn] = /** @type {HTMLElement[]} */ (this.#tailNodes);
    this.#fence = new OpenFence(marker, drawn === block ? code : emptied(drawn.querySelector("pre > code") ?? code));
    this.#tail = "";
    this.#feed(rest);
  }

  #closeFence() {
    this.#fence = null;
    this.#lastItem = null;
    this.#tailNodes = [];
    this.#plain.reset(undefined, "", "");
  }

  /** Draws over the old end: nodes that are final now, then the new open end. @param {Slice | null} settled @param {ChildNode[]} [open] */
  #draw(settled, open = []) {
    const final = settled?.nodes ?? [];
    const drawn = patchNodes(this.#container, this.#tailNodes, [...final, ...open]);
    this.#tailNodes = drawn.slice(final.length);
    if (settled) settled.nodes = settled.source ? drawn.slice(0, final.length) : [];
  }

  /** @param {Slice} slice */
  #redraw(slice) {
    const after = slice.nodes.at(-1)?.nextSibling ?? null;
    slice.nodes = patchNodes(this.#container, slice.nodes, this.#blocks.rebuild(slice), after);
  }
}

/**
 * Renders a text at once, the same way as a streamed one.
 *
 * @param {Element} container
 * @param {string} text
 * @param {Options} [options]
 * @returns {MarkdownStream}
 */
export function renderMarkdown(container, text, options) {
  const stream = new MarkdownStream(container, options);
  stream.renderWhole(text);
  return stream;
}

/** @template {Element} T @param {T} element */
function emptied(element) {
  element.replaceChildren();
  return element;
}
