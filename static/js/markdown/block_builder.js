/** Turns the source of blocks into DOM nodes: the only place that calls the parsers. Counts the characters they read. */

import { cutAt, endOfLine } from "./block_limit.js";
import { ElementBuilder } from "./elements.js";
import { parser } from "./late_dialect.js";
import { preview } from "./late_preview.js";
import { References } from "./references.js";
import { settledLines } from "./settling.js";

/** @typedef {import("./parser.js").Token} Token */
/**
 * @typedef {{ source: string, nodes: ChildNode[] }} Slice  settled text; keeps its source only if it may have to be
 *   rebuilt for a late definition
 */

export class BlockBuilder {
  #elements;
  #references = new References();
  #parsed = 0;

  /** @param {Document} document @param {string} location  URL of the page */
  constructor(document, location) {
    this.#elements = new ElementBuilder(document, location, parser);
  }

  /** The number of characters the parsers have read. */
  get parsedCharacters() {
    return this.#parsed;
  }

  /** @param {string} text @returns {number} the length of the part that later text cannot change */
  settledLength(text) {
    const lines = text.slice(0, text.lastIndexOf("\n") + 1);
    const tokens = this.#blockTokens(lines);
    return tokens ? endOfLine(lines, settledLines(tokens)) : 0;
  }

  /** @param {string} text  one block, up to the limit @returns {number} the length of the part to settle as its own block */
  cutLength(text) {
    return cutAt(text, this.#blockTokens(text) ?? []);
  }

  /** Builds settled text once; its definitions apply from now on. @param {string} source @returns {Slice} */
  settle(source) {
    /** @type {Slice} */
    const slice = { source: "", nodes: [] };
    const { result, missed } = this.#references.record(slice, (references) =>
      this.#build(source, () => parser.parse(source, { references })),
    );
    slice.nodes = result;
    if (missed) slice.source = source;
    return slice;
  }

  /** The number of lines of the table at the start of a text; 0 if there is none. @param {string} text */
  tableLines(text) {
    const [first] = this.#blockTokens(text) ?? [];
    return first?.type === "table_open" ? (first.map?.[1] ?? 0) : 0;
  }

  /** Builds more rows of a table, for a slice that already has some. @param {string} source @param {Slice} slice */
  tableRows(source, slice) {
    const { result, missed } = this.#references.record(slice, (references) =>
      this.#build(source, () => parser.parse(source, { references })),
    );
    return { nodes: result, missed };
  }

  /** Whether a link has used a definition. @param {string} label */
  isUsed(label) {
    return this.#references.isUsed(label);
  }

  /** Slices with missing definitions that have arrived since; each is returned once. */
  takeLate() {
    return /** @type {Slice[]} */ (this.#references.takeLate());
  }

  /** @param {Slice} slice @returns {ChildNode[]} its nodes, with all definitions known so far */
  rebuild({ source }) {
    const references = this.#references.overlay();
    return this.#build(source, () => parser.parse(source, { references }));
  }

  /**
   * Builds text that is not settled; its definitions are discarded afterwards.
   *
   * @param {string} source
   * @param {(tokens: Token[]) => void} [adjust]
   */
  preview(source, adjust) {
    /** @type {Token[]} */
    let tokens = [];
    /** @type {import("./parser.js").Env} */
    const env = { references: this.#references.overlay() };
    const nodes = this.#build(source, () => {
      tokens = (preview()?.previewParser ?? parser).parse(source, env);
      adjust?.(tokens);
      return tokens;
    });
    return { tokens, nodes, hidesRest: env.hidesRest === true };
  }

  /** Whether anything built since the last call can be dressed (dressing.js). */
  takeNeedsDressing() {
    return this.#elements.takeNeedsDressing();
  }

  /** An empty code block, filled as its text arrives. @param {string} info */
  codeBlock(info) {
    return this.#elements.codeBlock(info);
  }

  /** The block tokens only; null if the parser fails on the text. @param {string} text */
  #blockTokens(text) {
    this.#parsed += text.length;
    /** @type {Token[]} */
    const tokens = [];
    try {
      parser.block.parse(text, parser, { references: this.#references.overlay() }, tokens);
      return tokens;
    } catch {
      return null;
    }
  }

  /**
   * No text may break the page: if the parser fails, for whatever reason, the text is shown unformatted.
   *
   * @param {string} source @param {() => Token[]} parse
   */
  #build(source, parse) {
    this.#parsed += source.length;
    try {
      return this.#elements.build(parse());
    } catch {
      return [this.#elements.plainText(source)];
    }
  }
}
