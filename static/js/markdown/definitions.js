/**
 * Link reference definitions. Only those with a real destination count: models write `[Answer]: 42` and `[INFO]:
 * started` as text. A definition that no link uses is meant as text, too. So each definition is drawn hidden, and
 * shown at the end if no link has used it.
 */

const DEFINITION = /^\[(?:[^[\]\\]|\\[^])+\]:[ \t]*(?:\n[ \t>]*)?(?:<|#|https?:|mailto:|\/c\/)/i;
// Its index among the rules of parser.js.
const REFERENCE = 7;
const LONGEST_OPENING = 2_100;
// The nearest thing markdown has to a comment.
const COMMENT = /^\/\//;
const CITATION = /\[(\d{1,4})\](?=\[\^?\d{1,4}\])/y;

/** @typedef {import("../../vendor/markdown-it-15.0.3/markdown-it.js").StateInline} StateInline */

/** @param {import("./parser.js").MarkdownIt} parser  with parser.js's block rules */
export function definitions(parser) {
  const reference = parser.block.ruler.getRules("")[REFERENCE];
  parser.block.ruler.at("reference", (state, first, end, silent) => {
    const start = state.bMarks[first] + state.tShift[first];
    if (!DEFINITION.test(state.src.slice(start, start + LONGEST_OPENING)) || !reference(state, first, end, silent)) return false;
    const token = state.tokens[state.tokens.length - 1];
    // Comments are not shown.
    if (COMMENT.test(token.meta.label)) return true;
    token.content = state.getLines(first, state.line, state.blkIndent, false).trim();
    token.info = token.meta.label;
    token.hidden = false;
    return true;
  });
  parser.inline.ruler.before("link", "citation", citation);
}

/**
 * `[1][2]` cites two sources; CommonMark reads it as a link to the second with the text of the first.
 *
 * @param {StateInline} state
 * @param {boolean} silent
 */
function citation(state, silent) {
  CITATION.lastIndex = state.pos;
  const found = CITATION.exec(state.src);
  if (!found) return false;
  const target = state.env.references?.[found[1]];
  state.pos += found[0].length;
  if (silent) return true;
  if (target) state.push("link_open", "a", 1).attrs = [["href", target.href], ["title", target.title]];
  state.push("text", "", 0).content = target ? found[1] : found[0];
  if (target) state.push("link_close", "a", -1);
  return true;
}
