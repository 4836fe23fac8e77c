/**
 * One message, streamed or rendered as a whole. It is drawn with the grammar loaded so far (late_dialect.js), and
 * redrawn if the rest of the grammar is loaded later and the message shows a sign of it.
 */

import { Drawing } from "./drawing.js";
import { whenDialectComes } from "./late_dialect.js";

/** @typedef {import("./drawing.js").Options} Options */

const LONGEST_SIGN = 100;

export class MarkdownStream {
  #container;
  #options;
  #drawing;
  #isWaiting = false;

  /** @param {Element} container  no other code may change its children @param {Options} [options] */
  constructor(container, options) {
    this.#container = container;
    this.#options = options;
    this.#drawing = new Drawing(container, options);
  }

  /** Everything received so far, as written. */
  get text() {
    return this.#drawing.text;
  }

  /** The number of characters passed to the parser; linear in the text's length (work_credit.js). */
  get parsedCharacters() {
    return this.#drawing.parsedCharacters;
  }

  /** Adds text and draws as much of it as can be shown yet. @param {string} text */
  push(text) {
    const known = this.text.length;
    this.#drawing.push(text);
    this.#waitForDialect(known);
  }

  /** The text has ended: shows everything. @param {string} [rest]  text not pushed yet */
  finish(rest) {
    const known = this.text.length;
    this.#drawing.finish(rest);
    this.#waitForDialect(known);
  }

  /** Renders a text in one go: no preview, one parse. @param {string} text */
  renderWhole(text) {
    this.finish(text);
  }

  /** @param {number} known  the length of the text already checked */
  #waitForDialect(known) {
    if (this.#isWaiting) return;
    // A sign may have begun earlier.
    const start = Math.max(this.text.lastIndexOf("\n", known) + 1, known - LONGEST_SIGN, 0);
    this.#isWaiting = whenDialectComes(this.text.slice(Math.min(start, known)), (drawOver) => this.#drawAgain(drawOver));
  }

  /**
   * Draws off-screen first, so that unchanged nodes stay as they are.
   *
   * @param {typeof import("./draw_over.js").drawOver} drawOver
   */
  #drawAgain(drawOver) {
    this.#isWaiting = false;
    const { text, isFinished, isCurrent } = this.#drawing;
    if (!isCurrent) return;
    const apart = /** @type {Element} */ (this.#container.cloneNode(false));
    const drawing = new Drawing(apart, this.#options);
    const show = () => {
      if (!this.#drawing.isCurrent) return;
      drawOver(this.#container, apart);
      this.#drawing = drawing;
      drawing.move();
    };
    if (isFinished) return drawing.finish(text, show);
    drawing.push(text);
    show();
  }
}

/**
 * Renders a text in one go, with the same result as a streamed one.
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
