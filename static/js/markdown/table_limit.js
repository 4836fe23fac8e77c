/**
 * Tables of a size that a page can lay out. The parser fills up rows that are too short: a few characters would be a thousand
 * cells. One with too many columns is no table, and one that lacks too many cells ends there; the rest of both is text.
 */

/** @typedef {import("../../vendor/markdown-it-15.0.3/markdown-it.js").StateBlock} StateBlock */

const MOST_COLUMNS = 128;
export const MOST_MISSING_CELLS = 4_096;

/** @param {import("./parser.js").MarkdownIt} parser  without other block rules than its own */
export function tableLimit(parser) {
  const [table] = parser.block.ruler.getRules("");
  parser.block.ruler.at(
    "table",
    (state, first, end, silent) => {
      if (first + 2 > end || columnsOf(lineAt(state, first + 1)) > MOST_COLUMNS) return false;
      const count = state.tokens.length;
      if (!table(state, first, end, silent)) return false;
      const last = silent ? 0 : lastLine(state, first);
      if (!last) return true;
      state.tokens.length = count;
      return table(state, first, last, silent);
    },
    { alt: ["paragraph", "reference"] },
  );
}

/** How many cells a line is to the parser. @param {string} line */
export function cellsOf(line) {
  const cells = line.trim().split(/(?<!\\)\|/);
  if (cells[0] === "") cells.shift();
  if (cells.at(-1) === "") cells.pop();
  return cells.length;
}

/** @param {string} line */
function columnsOf(line) {
  return /^[ \t]*[|:-][|: \t-]*$/.test(line) ? cellsOf(line) : 0;
}

/** Where the table that was just read has to end; 0 if it may stay. @param {StateBlock} state @param {number} first */
function lastLine(state, first) {
  const columns = cellsOf(lineAt(state, first));
  let missing = 0;
  for (let line = first + 2; line < state.line; line += 1) {
    missing += columns - cellsOf(lineAt(state, line));
    if (missing > MOST_MISSING_CELLS) return line;
  }
  return 0;
}

/** @param {StateBlock} state @param {number} line */
function lineAt(state, line) {
  return state.src.slice(state.bMarks[line] + state.tShift[line], state.eMarks[line]);
}
