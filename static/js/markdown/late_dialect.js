/**
 * The part of the grammar that many messages do without: formulas, tags, task lists, definitions, and what else models write
 * beyond CommonMark (dialect.js). It comes with the first text that has a sign of it; until then, and where it cannot be loaded,
 * such text is shown as it was written.
 */

import { createParser } from "./parser.js";

/** @typedef {(drawOver: typeof import("./draw_over.js").drawOver) => void} Redraw */

/** What every construct of the dialect has. */
const SIGN = /[$<\\]|\[(?:[\^ xX]|!(?!\[))|\][[:]|(?:```|~~~)[^`~\n]*[:={ ]|(?:```|~~~) *(?:ma|md)/i;

/** The one that reads all messages. */
export const parser = createParser();

/** @type {typeof import("./dialect.js") | null} */
let loaded = null;
/** @type {Promise<void> | null} */
let loading = null;
/** @type {Redraw[]} */
const waiting = [];

/** @param {string} text @param {Redraw} redraw  called if it comes later @returns {boolean} whether the text has to wait for it */
export function whenDialectComes(text, redraw) {
  if (loaded || !SIGN.test(text)) return false;
  waiting.push(redraw);
  void loadDialect();
  return true;
}

/** A call while it is loading waits for that. */
export function loadDialect() {
  loading ??= import("./dialect.js").then(
    (module) => {
      loaded = module;
      module.dialect(parser);
      for (const redraw of waiting.splice(0)) redraw(module.drawOver);
    },
    () => void (loading = null), // The next text asks again.
  );
  return loading;
}

/** What stands after a fence. @param {string} info @returns {import("./fences.js").Info} */
export function readInfo(info) {
  return loaded?.readInfo(info) ?? { language: info.split(/\s/, 1)[0], file: "" };
}

/** @type {typeof import("./dialect_elements.js").createElement} */
export const dialectElement = (document, token) => loaded?.createElement(document, token) ?? null;

/** @type {typeof import("./dialect_elements.js").mark} */
export const markDialect = (element, token) => loaded?.mark(element, token);
