/**
 * Deeply nested text stays readable and cannot exhaust the stack: beyond the limit, each line is a plain paragraph
 * (markdown-it alone would drop it), and images nested in image text are not parsed any further.
 */

const MAX_BLOCK_LEVEL = 48;
const MAX_INLINE_DEPTH = 8;

/** @param {import("./parser.js").MarkdownIt} parser */
export function nestingLimit(parser) {
  parser.block.ruler.before("table", "nesting_limit", (state, line, _end, silent) => {
    if (state.level < MAX_BLOCK_LEVEL || silent) return false;
    state.line = line + 1;
    state.push("paragraph_open", "p", 1).map = [line, state.line];
    const text = state.push("text", "", 0);
    text.content = state.src.slice(state.bMarks[line] + state.tShift[line], state.eMarks[line]);
    state.push("paragraph_close", "p", -1);
    return true;
  });

  const parse = parser.inline.parse.bind(parser.inline);
  let depth = 0;
  parser.inline.parse = (source, md, env, tokens) => {
    if (depth >= MAX_INLINE_DEPTH) return;
    depth += 1;
    try {
      parse(source, md, env, tokens);
    } finally {
      depth -= 1;
    }
  };
}
