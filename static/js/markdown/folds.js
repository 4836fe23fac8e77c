/**
 * `<details>` and `<summary>` with markdown in them, and comments on their own lines. Tags must be at the start of a
 * line; an unclosed one ends with its parent block.
 */

/** @typedef {import("../../vendor/markdown-it-15.0.3/markdown-it.js").StateBlock} StateBlock */

const OPEN = /^<details(?:\s+open(?:="[^"]*")?)?\s*>\s*/i;
const CLOSE = /<\/details>\s*$/i;
const TAGS = /<(\/?)details\b[^>]*>/gi;
const SUMMARY = /^<summary>([^]*?)<\/summary>\s*/i;
const COMMENTS = /^(?:<!--(?:-?>|(?!-?>)(?:(?!-->)[^])*-->)\s*)+$/;
const FENCE = /^ {0,3}(`{3,}|~{3,})/;
const LONGEST_SUMMARY_LINES = 5;

/** @param {import("./parser.js").MarkdownIt} parser */
export function folds(parser) {
  const options = { alt: ["paragraph", "reference", "blockquote", "list"] };
  parser.block.ruler.before("fence", "fold", fold, options);
  parser.block.ruler.before("fence", "comment", comment, options);
}

/** @param {StateBlock} state @param {number} first @param {number} end @param {boolean} silent */
function fold(state, first, end, silent) {
  const opening = state.sCount[first] - state.blkIndent < 4 && OPEN.exec(lineAt(state, first));
  if (!opening) return false;
  if (silent) return true;
  const last = lastLine(state, first, end);
  const next = Math.min(last + 1, end);
  const token = state.push("details_open", "details", 1);
  token.map = [first, next];
  within(state, first, next, opening[0].length, () => {
    const line = summary(state, first, next);
    state.md.block.tokenize(state, line, next);
  });
  state.push("details_close", "details", -1);
  state.line = next;
  return true;
}

/**
 * Parses the lines without their tags.
 *
 * @param {StateBlock} state
 * @param {number} first
 * @param {number} next
 * @param {number} opening  length of the opening tag
 * @param {() => void} read
 */
function within(state, first, next, opening, read) {
  const { parentType, lineMax } = state;
  const last = next - 1;
  const kept = [first, last].map((line) => [line, state.bMarks[line], state.tShift[line], state.sCount[line], state.eMarks[line]]);
  state.parentType = "root";
  state.lineMax = next;
  cutStart(state, first, opening);
  const closing = CLOSE.exec(lineAt(state, last));
  if (closing) state.eMarks[last] -= lineAt(state, last).length - closing.index;
  read();
  for (const [line, bMark, tShift, sCount, eMark] of kept) {
    [state.bMarks[line], state.tShift[line], state.sCount[line], state.eMarks[line]] = [bMark, tShift, sCount, eMark];
  }
  Object.assign(state, { parentType, lineMax });
}

/** @param {StateBlock} state @param {number} line @param {number} length */
function cutStart(state, line, length) {
  state.bMarks[line] += state.tShift[line] + length;
  state.tShift[line] = 0;
  state.sCount[line] = state.blkIndent;
}

/**
 * @param {StateBlock} state
 * @param {number} first
 * @param {number} next
 * @returns {number} the line after it, or its last line if text follows on that line
 */
function summary(state, first, next) {
  let line = first;
  while (line < next && state.isEmpty(line)) line += 1;
  const text = state.getLines(line, Math.min(next, line + LONGEST_SUMMARY_LINES), 0, false).trimStart();
  const found = line < next && SUMMARY.exec(text);
  if (!found) return first;
  state.push("summary_open", "summary", 1).map = [line, line + 1];
  const inline = state.push("inline", "", 0);
  inline.content = found[1].trim();
  inline.children = [];
  state.push("summary_close", "summary", -1);
  const lines = found[0].trimEnd().split("\n");
  const last = line + lines.length - 1;
  cutStart(state, last, (lines.length > 1 ? lines[lines.length - 1].trimStart() : lines[0]).length);
  return last;
}

/**
 * @param {StateBlock} state
 * @param {number} first
 * @param {number} end
 * @returns {number} the line that closes the fold; `end` if there is none
 */
function lastLine(state, first, end) {
  let depth = 0;
  let fence = "";
  for (let line = first; line < end; line += 1) {
    const text = lineAt(state, line);
    if (text && state.sCount[line] < state.blkIndent) return line - 1;
    const marker = FENCE.exec(text)?.[1] ?? "";
    if (fence ? marker.startsWith(fence) : marker) fence = fence ? "" : marker;
    if (fence) continue;
    for (const [, isClosing] of text.replace(/`[^`]*`/g, "").matchAll(TAGS)) depth += isClosing ? -1 : 1;
    if (depth <= 0) return line;
  }
  return end;
}

/** One or more comments alone on one line: anything between comments is text. @param {StateBlock} state @param {number} first @param {number} _end @param {boolean} silent */
function comment(state, first, _end, silent) {
  if (!COMMENTS.test(lineAt(state, first))) return false;
  if (silent) return true;
  state.line = first + 1;
  const token = state.push("comment", "", 0);
  token.map = [first, first + 1];
  token.hidden = true;
  return true;
}

/** @param {StateBlock} state @param {number} line */
function lineAt(state, line) {
  return state.src.slice(state.bMarks[line] + state.tShift[line], state.eMarks[line]);
}
