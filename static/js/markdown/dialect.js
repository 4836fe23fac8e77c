/** The constructs that models write beyond CommonMark and tables (late_dialect.js). */

import { alerts } from "./alerts.js";
import { definitions } from "./definitions.js";
import { fences } from "./fences.js";
import { folds } from "./folds.js";
import { footnotes } from "./footnotes.js";
import { formulaBlocks } from "./formula_blocks.js";
import { formulas } from "./formulas.js";
import { inlineTags } from "./inline_tags.js";
import { taskLists } from "./task_lists.js";

export { createElement, mark } from "./dialect_elements.js";
export { drawOver } from "./draw_over.js";
export { readInfo } from "./fences.js";

/**
 * Adds the dialect to a parser.
 *
 * @param {import("./parser.js").MarkdownIt} parser  from parser.js
 * @returns {import("./parser.js").MarkdownIt} the same parser
 */
export function dialect(parser) {
  definitions(parser);
  fences(parser);
  formulas(parser);
  formulaBlocks(parser);
  alerts(parser);
  folds(parser);
  footnotes(parser);
  inlineTags(parser);
  taskLists(parser);
  return parser;
}
