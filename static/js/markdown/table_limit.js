/**
 * Tables of a size that a page can lay out. The parser fills up rows that are too short: a few characters would be a thousand
 * cells. One with too many columns is no table, and one that lacks too many cells ends there; the rest of both is text. What a row
 * has too much, which the parser leaves out, is shown beside it. And a line that opens code is no heading of a table.
 */

/** @typedef {import("../../vendor/markdown-it-15.0.3/markdown-it.js").StateBlock} StateBlock */

const MOST_COLUMNS = 128;
export const MOST_MISSING_CELLS = 4_096;
const FENCE = /^(?:`{3,}[^`]*$|~{3,})/;

/** @param {import("./parser.js").MarkdownIt} parser  without other block rules than its own */
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

/** How many cells a line is to the parser. @param {string} line */
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

/** @param {StateBlock} state @param {number} count  of the tokens before the table @param {number} first */
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

/** @param {StateBlock} state @param {number} index @param {string} cell @returns {number} the index after it */
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
