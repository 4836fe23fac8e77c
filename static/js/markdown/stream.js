/**
 * One message: being streamed, or rendered whole. It is drawn in the grammar that is there (late_dialect.js), and once more if the
 * rest of the grammar comes while the message has a sign of it.
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

  /** @param {Element} container  nobody else may change its children @param {Options} [options] */
  constructor(container, options) {
    this.#container = container;
    this.#options = options;
    this.#drawing = new Drawing(container, options);
  }

  /** Everything received so far, as it was written. */
  get text() {
    return this.#drawing.text;
  }

  /** How many characters have been handed to the parser; linear in the text's length (work_credit.js). */
  get parsedCharacters() {
    return this.#drawing.parsedCharacters;
  }

  /** Adds text and draws it, as far as it can be shown yet. @param {string} text */
  push(text) {
    const known = this.text.length;
    this.#drawing.push(text);
    this.#waitForDialect(known);
  }

  /** The text has ended: everything is shown. @param {string} [rest]  what has not been pushed */
  finish(rest) {
    const known = this.text.length;
    this.#drawing.finish(rest);
    this.#waitForDialect(known);
  }

  /** Renders a text at once: no preview, one parse. @param {string} text */
  renderWhole(text) {
    this.finish(text);
  }

  /** @param {number} known  so much of the text has been looked at */
  #waitForDialect(known) {
    if (this.#isWaiting) return;
    // A sign may have begun before.
    const start = Math.max(this.text.lastIndexOf("\n", known) + 1, known - LONGEST_SIGN, 0);
    this.#isWaiting = whenDialectComes(this.text.slice(Math.min(start, known)), (drawOver) => this.#drawAgain(drawOver));
  }

  /** Apart from the page first: what does not change stays as it is. @param {typeof import("./draw_over.js").drawOver} drawOver */
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
