/**
 * The part of the grammar that many messages do not need: formulas, tags, task lists, definitions, and other
 * extensions of CommonMark (dialect.js). It is loaded by the first text that shows a sign of it. Until then, or if
 * loading fails, such text is shown as written.
 */

import { createParser } from "./parser.js";

/** @typedef {(drawOver: typeof import("./draw_over.js").drawOver) => void} Redraw */

/** Matches something that every construct of the dialect contains. */
const SIGN = /[$<\\]|\[(?:[\^ xX]|!(?!\[))|\][[:]|(?:```|~~~)[^`~\n]*[:={ ]|(?:```|~~~) *(?:ma|md)/i;

/** The parser for all messages. */
export const parser = createParser();

/** @type {typeof import("./dialect.js") | null} */
let loaded = null;
/** @type {Promise<void> | null} */
let loading = null;
/** @type {Redraw[]} */
const waiting = [];

/**
 * @param {string} text
 * @param {Redraw} redraw  called if it is loaded later
 * @returns {boolean} whether the text needs it and it is not loaded yet
 */
export function whenDialectComes(text, redraw) {
  if (loaded || !SIGN.test(text)) return false;
  waiting.push(redraw);
  void loadDialect();
  return true;
}

/** Concurrent calls share one load. */
export function loadDialect() {
  loading ??= import("./dialect.js").then(
    (module) => {
      loaded = module;
      module.dialect(parser);
      for (const redraw of waiting.splice(0)) redraw(module.drawOver);
    },
    () => void (loading = null), // The next text retries.
  );
  return loading;
}

/** Reads the info string of a fence. @param {string} info @returns {import("./fences.js").Info} */
export function readInfo(info) {
  return loaded?.readInfo(info) ?? { language: info.split(/\s/, 1)[0], file: "" };
}

/** @type {typeof import("./dialect_elements.js").createElement} */
export const dialectElement = (document, token) => loaded?.createElement(document, token) ?? null;

/** @type {typeof import("./dialect_elements.js").mark} */
export const markDialect = (element, token) => loaded?.mark(element, token);
