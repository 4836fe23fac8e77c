/**
 * Renders markdown as it arrives.
 *
 * Finished blocks are parsed and drawn once and never touched again (settling.js). The open end is drawn as a preview,
 * as often as the work credit allows (work_credit.js). When the text ends, the DOM is the same as if the text had been
 * rendered in one go.
 */

import { BlockBuilder } from "./block_builder.js";
import { blockLimit } from "./block_limit.js";
import { LateDressing } from "./late_dressing.js";
import { preview } from "./late_preview.js";
import { OpenFence } from "./open_fence.js";
import { OpenTable } from "./open_table.js";
import { Parts, redraw, standIn } from "./parts.js";
import { runInSlices } from "./slices.js";
import { SourceText } from "./source_text.js";
import { EARNED_FOR_ALL, EARNED_FOR_LAST_ITEM, WorkCredit } from "./work_credit.js";

/** @typedef {import("./block_builder.js").Slice} Slice */
/**
 * @typedef {object} Options
 * @property {string} [location]  URL of the page; links are checked against it
 * @property {Document} [document]
 * @property {Pick<LateDressing, "dress">} [dressing]
 * @property {(work: () => void) => void} [later]  runs work after yielding to the page
 */

const pageDressing = new LateDressing();
// Parsed and drawn in one go, whatever it contains.
const SLICE_CHARACTERS = 4_096;
// A message of typical length is drawn at once: one that grew above what is being read would move it.
const AT_ONCE_CHARACTERS = 2 * SLICE_CHARACTERS;
/** The current drawing of each container: a new one replaces it. @type {WeakMap<Element, Drawing>} */
const drawings = new WeakMap();

/** One message in one dialect, streamed or rendered as a whole (stream.js). */
export class Drawing {
  #parts;
  #blocks;
  #dressing;
  #source = new SourceText();
  #credit = new WorkCredit(EARNED_FOR_ALL);
  #lastItemCredit = new WorkCredit(EARNED_FOR_LAST_ITEM);
  /** @type {import("./plain_tail.js").PlainTail | undefined} */
  #plain;
  /** The open end of the text, and its drawn nodes. */
  #tail = "";
  #hasNewLine = false;
  /** @type {ChildNode[]} */
  #tailNodes = [];
  /** An append-only block at the end. @type {OpenFence | OpenTable | null} */
  #block = null;
  /** @type {import("./last_item.js").LastItem | null} */
  #lastItem = null;
  #finished = false;
  /** Number of characters so far. */
  #received = 0;
  #container;
  #later;

  /** @param {Element} container  no other code may change its children @param {Options} [options] */
  constructor(container, options = {}) {
    this.#container = container;
    drawings.set(container, this);
    this.#parts = new Parts(container);
    this.#later = options.later;
    const location = options.location ?? globalThis.location?.href ?? "";
    this.#dressing = options.dressing ?? pageDressing;
    this.#blocks = new BlockBuilder(options.document ?? container.ownerDocument, location);
  }

  /** Everything received so far, as written. */
  get text() {
    return this.#source.raw;
  }

  /** Whether this is still the current drawing of its container. */
  get isCurrent() {
    return drawings.get(this.#container) === this;
  }

  get isFinished() {
    return this.#finished;
  }

  /** The number of characters passed to the parser; linear in the text's length (work_credit.js). */
  get parsedCharacters() {
    return this.#blocks.parsedCharacters;
  }

  /** Adds text and draws as much of it as can be shown yet. @param {string} text */
  push(text) {
    if (this.#finished) throw new Error("The text has ended already");
    const added = this.#source.push(text);
    this.#received += added.length;
    for (const slice of slicesOf(added)) this.#pushSlice(slice, true);
  }

  /**
   * The text has ended: shows everything, and redraws links with late definitions. Long text is drawn in slices so
   * that the page stays responsive.
   *
   * @param {string} [rest]  text not pushed yet
   * @param {() => void} [done]  called when everything is drawn
   */
  finish(rest = "", done) {
    if (this.#finished) return;
    this.#finished = true;
    const text = this.#source.push(rest) + this.#source.finish();
    const work = this.#finishing(text, done);
    if (this.#received + text.length > AT_ONCE_CHARACTERS) runInSlices(work, this.#container.ownerDocument, this.#later, () => this.isCurrent);
    else while (!work.next().done);
  }

  /** What was drawn off-screen is in the page now, partly as nodes that were already there (draw_over.js). */
  move() {
    drawings.set((this.#container = standIn(this.#container)), this);
    this.#parts.move();
    this.#tailNodes = this.#tailNodes.map(standIn);
    if (this.#block) this.#block.standAs(this.#tailNodes, true);
    else if (!this.#finished) this.#pay(() => this.#preview(null));
    this.#dressing.dress([...this.#container.childNodes], !this.#finished);
  }

  /** @param {string} rest @param {() => void} [done] */
  *#finishing(rest, done) {
    for (const slice of slicesOf(rest)) {
      this.#pushSlice(slice, false);
      yield;
    }
    while (this.#block) yield this.#finishBlock(this.#block);
    this.#draw(this.#blocks.settle(this.#tail));
    this.#tail = "";
    let drawn = 0;
    for (const slice of this.#blocks.takeLate()) {
      if (drawn >= SLICE_CHARACTERS) drawn = 0;
      if (!drawn) yield;
      this.#redraw(slice);
      drawn += slice.source.length;
    }
    showUnused(this.#container, (label) => this.#blocks.isUsed(label));
    done?.();
  }

  /** @param {OpenFence | OpenTable} block */
  #finishBlock(block) {
    const rest = block.finish();
    this.#closeBlock(block);
    if (rest) this.#pushSlice(rest, false);
  }

  /** @param {string} text @param {boolean} isOpen  whether more text will follow, so that the end is drawn as a preview */
  #pushSlice(text, isOpen) {
    this.#credit.earn(text.length);
    this.#lastItemCredit.earn(text.length);
    for (let rest = text; rest; ) rest = this.#feed(rest, isOpen);
  }

  /** @param {string} text @param {boolean} isOpen @returns {string} the text for a block that has just been opened */
  #feed(text, isOpen) {
    const added = this.#append(text);
    if (!added) return "";
    let isCut = false;
    for (let limit; (limit = blockLimit(this.#tail)); isCut = true) {
      const opened = this.#pay(() => this.#openOwn(null) ?? this.#settleUpTo(limit));
      if (opened !== null) return opened;
    }
    if (!isOpen) return this.#hasNewLine ? this.#pay(() => this.#update(false)) : "";
    // Finding finished blocks and drawing the rest each pass every character to the parser once.
    const price = this.#tail.length * (this.#hasNewLine ? 2 : 1);
    if (isCut || this.#credit.affords(price)) return this.#pay(() => this.#update(true));
    if (this.#previewLastItem()) return "";
    // Until the preview is loaded, nothing else could show the text, and the rest may be long in coming.
    if (!this.#plain) return this.#pay(() => this.#update(true));
    this.#plain.push(added);
    return "";
  }

  /** @param {string} text @returns {string} the part added to the tail */
  #append(text) {
    const rest = this.#block ? this.#pushTo(this.#block, text) : text;
    if (rest === null) return "";
    this.#tail += rest;
    this.#hasNewLine ||= rest.includes("\n");
    return rest;
  }

  /**
   * @param {OpenFence | OpenTable} block
   * @param {string} text
   * @returns {string | null} the text after the block; null while it is open
   */
  #pushTo(block, text) {
    const rest = this.#pay(() => block.push(text, (price) => this.#credit.affords(price)));
    if (rest !== null) this.#closeBlock(block);
    else this.#dressing.dress(block.takeUndressed(), false);
    return rest;
  }

  /** @template T @param {() => T} work @returns {T} */
  #pay(work) {
    const before = this.parsedCharacters;
    const result = work();
    this.#credit.spend(this.parsedCharacters - before);
    return result;
  }

  /** Settles finished blocks and previews the rest. @param {boolean} isOpen @returns {string} the initial text of a block that opens here */
  #update(isOpen) {
    const settled = this.#hasNewLine ? this.#settle() : null;
    const opened = this.#openOwn(settled);
    if (opened !== null) return opened;
    if (isOpen) this.#preview(settled);
    else if (settled) this.#draw(settled);
    return "";
  }

  /** Opens an append-only block if one begins here. @param {Slice | null} settled @returns {string | null} its initial text */
  #openOwn(settled) {
    const opened = OpenFence.open(this.#tail, this.#blocks) ?? OpenTable.open(this.#tail, this.#blocks);
    return opened && this.#openBlock(settled, opened);
  }

  /** Settles part of the too long block at the start of the tail. @param {number} limit */
  #settleUpTo(limit) {
    const text = this.#tail.slice(0, limit);
    const length = this.#blocks.settledLength(text) || this.#blocks.cutLength(text);
    this.#draw(this.#blocks.settle(this.#tail.slice(0, length)));
    this.#tail = this.#tail.slice(length);
    this.#lastItem = null;
    this.#plain?.reset(undefined, "", this.#tail);
    return null;
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
    const shown = this.#tail.slice(0, lengthShown(this.#tail));
    const { tokens, nodes, hidesRest } = this.#blocks.preview(shown);
    this.#draw(settled, nodes);
    this.#lastItem = preview()?.findLastItem(tokens, shown, this.#tailNodes.at(-1)) ?? null;
    this.#holdBack(shown.length, shown, hidesRest);
  }

  /** @returns {boolean} whether it could be drawn */
  #previewLastItem() {
    const item = this.#lastItem;
    const price = item?.lengthIn(this.#tail.length) ?? 0;
    if (!item || !this.#credit.affords(price) || !this.#lastItemCredit.affords(price)) return false;
    const source = item.sourceIn(this.#tail);
    const shown = source.slice(0, lengthShown(source));
    this.#lastItemCredit.spend(shown.length);
    const { tokens, nodes, hidesRest } = this.#pay(() => this.#blocks.preview(shown, (parsed) => item.loosen(parsed)));
    const drawn = item.draw(this.#tailNodes, nodes);
    if (!drawn) return false;
    this.#tailNodes = drawn;
    this.#dress(item.newest(drawn), true);
    this.#lastItem = item.next(tokens, shown);
    this.#holdBack(this.#tail.length - source.length + shown.length, shown, hidesRest);
    return true;
  }

  /** The undrawn part of the tail waits in the plain tail. @param {number} length @param {string} shown @param {boolean} hidesRest */
  #holdBack(length, shown, hidesRest) {
    this.#plain ??= preview()?.newPlainTail();
    this.#plain?.reset(this.#tailNodes.at(-1), shown, this.#tail.slice(length), hidesRest);
  }

  /** @param {Slice | null} settled @param {{ block: OpenFence | OpenTable, rest: string }} opened */
  #openBlock(settled, { block, rest }) {
    this.#draw(settled, block.nodes);
    block.standAs(this.#tailNodes);
    this.#block = block;
    this.#tail = "";
    return rest;
  }

  /** The block is complete: its nodes stay. @param {OpenFence | OpenTable} block */
  #closeBlock(block) {
    this.#dressing.dress(block.takeUndressed(), false);
    this.#parts.settle(this.#tailNodes.length);
    this.#block = null;
    this.#lastItem = null;
    this.#tailNodes = [];
    this.#plain?.reset(undefined, "", "");
  }

  /** Draws over the old open end: final nodes, then the new open end. @param {Slice | null} settled @param {ChildNode[]} [open] */
  #draw(settled, open = []) {
    const final = settled?.nodes ?? [];
    const drawn = this.#parts.draw(this.#tailNodes, final, open);
    this.#tailNodes = drawn.slice(final.length);
    if (settled) settled.nodes = settled.source ? drawn.slice(0, final.length) : [];
    this.#dress(drawn, open.length > 0);
  }

  /** @param {Slice} slice */
  #redraw(slice) {
    slice.nodes = redraw(slice.nodes, this.#blocks.rebuild(slice));
    this.#dress(slice.nodes, false);
  }

  /** @param {ChildNode[]} nodes @param {boolean} isOpen */
  #dress(nodes, isOpen) {
    if (this.#blocks.takeNeedsDressing()) this.#dressing.dress(nodes, isOpen);
  }
}

/** @param {string} text */
function* slicesOf(text) {
  for (let start = 0; start < text.length; start += SLICE_CHARACTERS) yield text.slice(start, start + SLICE_CHARACTERS);
}

/** @param {string} text @returns {number} the length of the part that may be shown */
function lengthShown(text) {
  return preview()?.lengthShown(text) ?? text.length;
}

/**
 * Shows definitions that no link has used (definitions.js).
 *
 * @param {Element} container
 * @param {(label: string) => boolean} isUsed
 */
export function showUnused(container, isUsed) {
  for (const definition of container.querySelectorAll("[data-definition]")) {
    if (!isUsed(definition.getAttribute("data-definition") ?? "")) definition.removeAttribute("hidden");
  }
}
