/** From the source of blocks to their nodes: the only place where a message meets the parsers. Counts what they read. */

import { cutAt, endOfLine } from "./block_limit.js";
import { ElementBuilder } from "./elements.js";
import { parser } from "./late_dialect.js";
import { preview } from "./late_preview.js";
import { References } from "./references.js";
import { settledLines } from "./settling.js";

/** @typedef {import("./parser.js").Token} Token */
/** @typedef {{ source: string, nodes: ChildNode[] }} Slice  settled text; its source is kept only if a link may come late */

export class BlockBuilder {
  #elements;
  #references = new References();
  #parsed = 0;

  /** @param {Document} document @param {string} location  URL of the page */
  constructor(document, location) {
    this.#elements = new ElementBuilder(document, location, parser);
  }

  /** How many characters the parsers have read. */
  get parsedCharacters() {
    return this.#parsed;
  }

  /** @param {string} text @returns {number} the length of its part which no later text can change */
  settledLength(text) {
    const lines = text.slice(0, text.lastIndexOf("\n") + 1);
    const tokens = this.#blockTokens(lines);
    return tokens ? endOfLine(lines, settledLines(tokens)) : 0;
  }

  /** @param {string} text  of one block, up to the limit @returns {number} the length of its part that is a block of its own */
  cutLength(text) {
    return cutAt(text, this.#blockTokens(text) ?? []);
  }

  /** Builds settled text, once and for all; its definitions count from now on. @param {string} source @returns {Slice} */
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

  /** How many lines the table takes that a text begins with; 0 if it begins with none. @param {string} text */
  tableLines(text) {
    const [first] = this.#blockTokens(text) ?? [];
    return first?.type === "table_open" ? (first.map?.[1] ?? 0) : 0;
  }

  /** Builds a table of some rows more, for a slice that has others already. @param {string} source @param {Slice} slice */
  tableRows(source, slice) {
    const { result, missed } = this.#references.record(slice, (references) =>
      this.#build(source, () => parser.parse(source, { references })),
    );
    return { nodes: result, missed };
  }

  /** Whether a link has asked for a definition. @param {string} label */
  isUsed(label) {
    return this.#references.isUsed(label);
  }

  /** Slices that wanted definitions which have come since; each is handed out once. */
  takeLate() {
    return /** @type {Slice[]} */ (this.#references.takeLate());
  }

  /** @param {Slice} slice @returns {ChildNode[]} its nodes with all definitions known by now */
  rebuild({ source }) {
    const references = this.#references.overlay();
    return this.#build(source, () => parser.parse(source, { references }));
  }

  /**
   * Builds text that is not settled; its definitions are forgotten again.
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

  /** Whether something that was built since the last call may be dressed (dressing.js). */
  takeNeedsDressing() {
    return this.#elements.takeNeedsDressing();
  }

  /** An empty code block, to be filled while its text arrives. @param {string} info */
  codeBlock(info) {
    return this.#elements.codeBlock(info);
  }

  /** The blocks alone; null if the parser cannot take the text. @param {string} text */
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
   * No text may break the page: what the parser cannot take, however it fails, is shown as it is.
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
