/**
 * A table that is still open. Its heading is drawn once; each finished line is parsed as the only row of a small
 * table, and that row is appended. A line is shown once it is complete: until then, it may also be the line after the
 * table.
 */

import { placeForRow } from "./long_table.js";
import { cellsOf, MOST_MISSING_CELLS } from "./table_limit.js";

/** @typedef {import("./block_builder.js").BlockBuilder} BlockBuilder */

const OPENING = /^(?:[ \t]*\n)*([^\n]*\n[ \t]*[|:-][|: \t-]*\n)/;
// Beyond this many pending characters, rows are drawn whatever they cost.
const MOST_PENDING = 8_192;

export class OpenTable {
  #blocks;
  #heading;
  #columns;
  #missing = 0;
  #source;
  #pending = "";
  /** Registered for late definitions; its source is set when the table is complete. */
  #slice;
  #misses;
  /** @type {ChildNode[]} */
  #undressed = [];

  /** @param {string} heading  its first two lines @param {BlockBuilder} blocks */
  constructor(heading, blocks) {
    this.#blocks = blocks;
    this.#heading = heading;
    this.#columns = cellsOf(heading.slice(0, heading.indexOf("\n")));
    this.#source = heading;
    this.#slice = blocks.settle(heading);
    this.#misses = this.#slice.source !== "";
  }

  /**
   * Recognises a text that begins with a table whose heading and delimiter row are complete.
   *
   * @param {string} text @param {BlockBuilder} blocks
   * @returns {{ block: OpenTable, rest: string } | null}
   */
  static open(text, blocks) {
    const found = OPENING.exec(text);
    if (!found || blocks.tableLines(found[1]) !== 2) return null;
    return { block: new OpenTable(found[1], blocks), rest: text.slice(found[0].length) };
  }

  get nodes() {
    return this.#slice.nodes;
  }

  /** Sets its nodes in the page: its own, or equal ones from a preview. @param {ChildNode[]} drawn */
  standAs(drawn) {
    this.#slice.nodes = drawn;
    this.#undressed = [...drawn];
  }

  /**
   * @param {string} text  with "\n" line ends
   * @param {(price: number) => boolean} affords  rows wait until this returns true
   * @returns {string | null} the text after the table; null while it is open
   */
  push(text, affords) {
    this.#pending += text;
    // Two parses: one to find where the table ends, one to build its rows.
    const isAffordable = affords(2 * (this.#heading.length + this.#pending.length)) || this.#pending.length > MOST_PENDING;
    if (!text.includes("\n") || !isAffordable) return null;
    return this.#draw(this.#pending.lastIndexOf("\n") + 1);
  }

  /** The text has ended, so the last line counts as complete. @returns {string} the text after the table */
  finish() {
    const rest = this.#pending && this.#draw(this.#pending.length);
    return rest ?? this.#complete("");
  }

  /** Nodes that no longer change and have not been dressed yet (dressing.js). */
  takeUndressed() {
    const undressed = this.#undressed;
    this.#undressed = [];
    return undressed;
  }

  /** @param {number} length  length of the complete lines @returns {string | null} */
  #draw(length) {
    const lines = this.#pending.slice(0, length);
    const count = this.#withinLimit(lines, this.#blocks.tableLines(this.#heading + lines) - 2);
    const rows = firstLines(lines, count);
    if (rows) this.#append(rows);
    this.#pending = this.#pending.slice(rows.length);
    return rows.length === length ? null : this.#complete(this.#pending);
  }

  /** @param {string} rest */
  #complete(rest) {
    if (this.#misses) this.#slice.source = this.#source;
    return rest;
  }

  /** @param {string} rows */
  #append(rows) {
    this.#source += rows;
    const { nodes, missed } = this.#blocks.tableRows(this.#heading + rows, this.#slice);
    this.#misses ||= missed;
    const [drawn] = /** @type {Element[]} */ (nodes);
    const added = [...drawn.querySelectorAll("tbody > tr")];
    this.#undressed.push(...added);
    const [scroller] = /** @type {Element[]} */ (this.nodes);
    for (const row of added) placeForRow(scroller, row.childElementCount).append(row);
  }

  /** @param {string} lines @param {number} count @returns {number} */
  #withinLimit(lines, count) {
    const rows = lines.split("\n", Math.max(0, count));
    for (const [index, row] of rows.entries()) {
      this.#missing += this.#columns - cellsOf(row);
      if (this.#missing > MOST_MISSING_CELLS) return index;
    }
    return count;
  }
}

/** @param {string} text @param {number} count */
function firstLines(text, count) {
  let end = 0;
  for (let line = 0; line < count; line += 1) end = text.indexOf("\n", end) + 1 || text.length;
  return text.slice(0, end);
}
