/** Display formulas: `$$…$$` and `\[…\]` over one or more lines, and TeX environments. */

import { CLOSING, LETTERS_OF_PROSE, LETTER_OR_DIGIT, LONGEST_INLINE, openingAt, PROSE_MARKS, TEX, withoutTexWords, WORDS } from "./formulas.js";

/** @typedef {import("../../vendor/markdown-it-15.0.3/markdown-it.js").StateBlock} StateBlock */

const ENVIRONMENT =
  /^\\begin\{((?:align(?:ed|at|edat)?|equation|gather(?:ed)?|multline|split|eqnarray|flalign|[dr]?cases|[bBpvV]?matrix|smallmatrix|array)\*?)\}/;
// The equation number, or the end of the sentence that the formula belongs to.
const AFTER_BLOCK = /^\s*(?:(?:\(([\w.*'-]{1,12})\)|([.,;:]))\s*)?$/;
const AT_END = /^(.*[^\s$\\])\s*(\$\$|\\\[)$/;
const BLOCK_MARK = /^(?:#{1,6} |`{3}|[-*] |\d+[.)] |>|\|)/;
const TWO_WORDS = /(?:^|[^\\A-Za-z])[A-Za-z]{2,},? [A-Za-z]{2,}/;
// Where a formula that a line goes on with may have begun: each line of a paragraph may ask.
const MOST_LINES_BEFORE = 64;
// Of a formula, or of code.
const OPENING = /\$\$|\\[[(]|`/g;
const HALF_FORMULA = /(?:\$\$|\\[[(])[ \t]*$|^(?:(?!\$\$|\\[[(])[^\n])*(?:\$\$|\\[[(])[^\n]*[\\^_={}]/m;

/** @param {import("./parser.js").MarkdownIt} parser */
export function formulaBlocks(parser) {
  parser.block.ruler.before("fence", "formula_block", blockFormula, { alt: ["paragraph", "reference", "blockquote", "list"] });
  parser.block.ruler.before("paragraph", "formula_after_text", formulaAfterText);
}

/**
 * A block is one line, or commits on its opening line, like a fence, and continues to a line that ends with its
 * closing delimiter. A missing delimiter must not swallow the rest of the text: a line of prose after an empty line
 * ends the block, which then shows its source.
 *
 * @param {StateBlock} state @param {number} first @param {number} end @param {boolean} silent
 */
function blockFormula(state, first, end, silent) {
  if (state.sCount[first] - state.blkIndent >= 4) return false;
  const line = lineOf(state, first);
  const environment = ENVIRONMENT.exec(line)?.[1];
  const opening = environment ? "" : openingAt(line, 0);
  if (!environment && opening !== "$$" && opening !== "\\[") return false;
  const closing = environment ? `\\end{${environment}}` : CLOSING[opening];
  const rest = line.slice(2);
  const closed = rest.indexOf(closing);
  const isBlock = closed >= 0 ? isWholeLine(rest, closed, closing, !environment) : environment || opens(rest);
  if (!isBlock || (silent && state.parentType === "paragraph" && isInFormula(state, first))) return false;
  if (silent) return true;
  const last = closed >= 0 ? first : lastLine(state, first, end, closing);
  const source = state.getLines(first, last + 1, state.blkIndent, false).trim();
  const after = last > first ? textAfter(lineOf(state, last), closing) : "";
  const block = { first, last, opening, closing, source: source.slice(0, source.length - after.length).trim() };
  if (after) pushTogether(state, block, () => (pushBlock(state, block), pushParagraph(state, last, after)));
  else pushBlock(state, block);
  return true;
}

/** The text after the closing delimiter, as in `$$ where x is small`. @param {string} line @param {string} closing */
function textAfter(line, closing) {
  const after = line.startsWith(closing) ? line.slice(closing.length).trim() : "";
  return AFTER_BLOCK.test(after) ? "" : after;
}

/** Neither is settled without the other (settling.js): they share a line. @param {StateBlock} state @param {{ first: number, last: number }} lines @param {() => void} push */
function pushTogether(state, { first, last }, push) {
  const both = state.push("formula_and_text_open", "", 1);
  both.map = [first, last + 1];
  both.hidden = true;
  push();
  state.push("formula_and_text_close", "", -1).hidden = true;
}

/** @param {StateBlock} state @param {{ first: number, last: number, opening: string, closing: string, source: string }} block */
function pushBlock(state, { first, last, opening, closing, source }) {
  const token = state.push("formula_block", "", 0);
  token.map = [first, last + 1];
  token.info = "display";
  token.markup = source;
  token.content = contentOf(source, opening, closing);
  state.line = last + 1;
}

/**
 * `It follows: $$`, an empty line, and the formula below. Nothing is decided until the next non-empty line arrives;
 * until then, both are one block, which stays open.
 *
 * @param {StateBlock} state @param {number} first @param {number} end
 */
function formulaAfterText(state, first, end) {
  const found = AT_END.exec(lineOf(state, first));
  let next = first + 1;
  // Without an empty line, it is a formula within the paragraph.
  if (next >= end || !state.isEmpty(next)) return false;
  while (next < end && state.isEmpty(next)) next += 1;
  if (!found || next >= end || state.sCount[next] < state.blkIndent || isText(lineOf(state, next))) return false;
  const [, text, opening] = found;
  if (hasHalfFormula(text) || text.includes("`")) return false;
  const closing = CLOSING[opening];
  const last = lastLine(state, first, end, closing);
  const block = { first, last, opening, closing, source: `${opening}\n${state.getLines(first + 1, last + 1, state.blkIndent, false).trim()}` };
  pushTogether(state, block, () => (pushParagraph(state, first, text), pushBlock(state, block)));
  return true;
}

/** @param {StateBlock} state @param {number} line @param {string} text */
function pushParagraph(state, line, text) {
  state.push("paragraph_open", "p", 1).map = [line, line + 1];
  const inline = state.push("inline", "", 0);
  inline.content = text;
  inline.map = [line, line + 1];
  inline.children = [];
  state.push("paragraph_close", "p", -1);
}

/** @param {string} rest @param {number} closed @param {string} closing @param {boolean} isDelimited */
function isWholeLine(rest, closed, closing, isDelimited) {
  if (!isDelimited) return AFTER_BLOCK.test(rest.slice(closed + closing.length));
  return closed + closing.length === rest.length && LETTER_OR_DIGIT.test(rest.slice(0, closed));
}

/** @param {string} rest  the rest of an opening line without a closing delimiter */
function opens(rest) {
  return rest === "" || (TEX.test(rest) && !rest.startsWith("$") && !rest.includes("]"));
}

/** Whether this line of a paragraph continues a formula that began in it. @param {StateBlock} state @param {number} line */
function isInFormula(state, line) {
  const start = state.bMarks[Math.max(state.line, line - MOST_LINES_BEFORE)];
  const text = state.src.slice(Math.max(start, state.bMarks[line] - 2 * LONGEST_INLINE), state.bMarks[line]);
  return hasHalfFormula(text);
}

/** Whether a formula begins in it and does not end. @param {string} text */
function hasHalfFormula(text) {
  let rest = "";
  let end = (OPENING.lastIndex = 0);
  /** What does not close any more: nobody looks for it again. */
  const missing = new Set();
  for (let found; (found = OPENING.exec(text)); ) {
    const closing = CLOSING[found[0]] ?? found[0];
    const closed = missing.has(closing) ? -1 : text.indexOf(closing, OPENING.lastIndex);
    if (closed < 0) missing.add(closing);
    if (closed < 0 || (closing === "`" && text.slice(found.index, closed).includes("\n"))) {
      OPENING.lastIndex = found.index + 1;
    } else {
      rest += text.slice(end, found.index);
      end = OPENING.lastIndex = closed + closing.length;
    }
  }
  return HALF_FORMULA.test(rest + text.slice(end));
}

/** @param {StateBlock} state @param {number} first @param {number} end @param {string} closing */
function lastLine(state, first, end, closing) {
  let last = first;
  let isAfterEmpty = false;
  for (let line = first + 1; line < end; line += 1) {
    if (state.isEmpty(line)) {
      isAfterEmpty = true;
      continue;
    }
    const text = lineOf(state, line);
    if (state.sCount[line] < state.blkIndent || (isAfterEmpty && isText(text))) break;
    last = line;
    isAfterEmpty = false;
    const closed = text.indexOf(closing);
    if (closed === 0 || (closed > 0 && AFTER_BLOCK.test(text.slice(closed + closing.length)))) break;
  }
  return last;
}

/** Whether a line is unlikely to be part of a formula. @param {string} line */
function isText(line) {
  const rest = withoutTexWords(line);
  if (BLOCK_MARK.test(line) || TWO_WORDS.test(rest) || PROSE_MARKS.test(rest)) return true;
  return !TEX.test(rest) && (WORDS.test(rest) || LETTERS_OF_PROSE.test(rest));
}

/** @param {string} source @param {string} opening  "" for an environment, which is TeX itself @param {string} closing */
function contentOf(source, opening, closing) {
  const end = source.lastIndexOf(closing);
  const after = AFTER_BLOCK.exec(source.slice(end + closing.length));
  if (end < opening.length || !after) return "";
  const tag = after[1] ? `\\tag{${after[1]}}` : (after[2] ?? "");
  return (opening ? source.slice(opening.length, end).trim() : source.slice(0, end + closing.length)) + tag;
}

/** @param {StateBlock} state @param {number} line */
function lineOf(state, line) {
  return state.src.slice(state.bMarks[line] + state.tShift[line], state.eMarks[line]).trim();
}
