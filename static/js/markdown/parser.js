/**
 * The part of the site's markdown grammar that every message needs: CommonMark, tables, strikethrough, bare links. The
 * rest is in dialect.js.
 */

import markdownit from "../../vendor/markdown-it-15.0.3/markdown-it.js";
import { boundaries } from "./boundary.js";
import { nestingLimit } from "./nesting_limit.js";
import { tableLimit } from "./table_limit.js";

/** @typedef {import("../../vendor/markdown-it-15.0.3/markdown-it.js").MarkdownIt} MarkdownIt */
/** @typedef {import("../../vendor/markdown-it-15.0.3/markdown-it.js").Token} Token */
/** @typedef {import("../../vendor/markdown-it-15.0.3/markdown-it.js").Env} Env */

/**
 * A parser whose tokens include `reference_definition`, which settling needs. Every block rule must commit on its
 * opening line: do not add a rule that needs to see its end first, because finished blocks are never parsed again.
 *
 * @returns {MarkdownIt}
 */
export function createParser() {
  const parser = markdownit({ breaks: true, html: false, linkify: true, maxNesting: 100 });
  parser.disable("strip_references");
  // No link without a scheme is made (urls.js). The end of one would be looked for behind each "https:" that begins none, too.
  parser.linkify.add("//");
  boundaries(parser);
  tableLimit(parser);
  nestingLimit(parser);
  return parser;
}
