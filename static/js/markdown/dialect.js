/** What models write beyond CommonMark and tables (late_dialect.js). */

import { formulas } from "./formulas.js";
import { inlineTags } from "./inline_tags.js";

/** @param {import("./parser.js").MarkdownIt} parser  of parser.js @returns {import("./parser.js").MarkdownIt} the same, which knows it now */
export function dialect(parser) {
  formulas(parser);
  inlineTags(parser);
  return parser;
}
