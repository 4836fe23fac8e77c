/**
 * Limits tables to a size that a page can lay out. The parser pads short rows, so a few characters could become a
 * thousand cells. A table with too many columns is not a table, and one that lacks too many cells ends there; the rest
 * of both is text. Surplus cells of a row, which the parser would drop, are shown. And a line that opens code cannot
 * be the heading of a table.
 */

/** @typedef {import("../../vendor/markdown-it-15.0.3/markdown-it.js").StateBlock} StateBlock */

const MOST_COLUMNS = 128;
export const MOST_MISSING_CELLS = 4_096;
const FENCE = /^(?:`{3,}[^`]*$|~{3,})/;

/** @param {import("./parser.js").MarkdownIt} parser  with only its own block rules */
export function tableLimit(parser) {
  const [table] = parser.block.ruler.getRules("");
  parser.block.ruler.at(
    "table",
    (state, first, end, silent) => {
      if (first + 2 > end || FENCE.test(lineAt(state, first)) || columnsOf(lineAt(state, first + 1)) > MOST_COLUMNS) return false;
      const count = state.tokens.length;
      if (!table(state, first, end, silent)) return false;
      const last = silent ? 0 : lastLine(state, first);
      if (last) {
        state.tokens.length = count;
        table(state, first, last, silent);
      }
      if (!silent) addSurplus(state, count, first);
      return true;
    },
    { alt: ["paragraph", "reference"] },
  );
}

/** The number of cells the parser sees in a line. @param {string} line */
export function cellsOf(line) {
  return cellsIn(line).length;
}

/** @param {string} line */
function cellsIn(line) {
  const cells = line.trim().split(/(?<!\\)\|/);
  if (cells[0] === "") cells.shift();
  if (cells.at(-1) === "") cells.pop();
  return cells;
}

/** @param {StateBlock} state @param {number} count  number of tokens before the table @param {number} first */
function addSurplus(state, count, first) {
  const columns = cellsOf(lineAt(state, first));
  let line = first;
  for (let index = count; index < state.tokens.length; index += 1) {
    const { type, map } = state.tokens[index];
    if (type === "tr_open" && map) line = map[0];
    if (type !== "tr_close") continue;
    const cells = cellsIn(lineAt(state, line));
    if (cells.length > MOST_COLUMNS) cells.push(cells.splice(MOST_COLUMNS).join("|"));
    for (const cell of cells.slice(columns)) index = insertCell(state, index, cell);
  }
}

/** @param {StateBlock} state @param {number} index @param {string} cell @returns {number} the index after the cell */
function insertCell(state, index, cell) {
  state.push("td_open", "td", 1);
  const inline = state.push("inline", "", 0);
  inline.content = cell.replaceAll("\\|", "|").trim();
  inline.children = [];
  state.push("td_close", "td", -1);
  state.tokens.splice(index, 0, ...state.tokens.splice(-3));
  return index + 3;
}

/** @param {string} line */
function columnsOf(line) {
  return /^[ \t]*[|:-][|: \t-]*$/.test(line) ? cellsOf(line) : 0;
}

/**
 * The line where the table just parsed has to end; 0 if it may stay whole.
 *
 * @param {StateBlock} state
 * @param {number} first
 */
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
