/**
 * Formulas in TeX: `$…$`, `\(…\)`, `$$…$$` and `\[…\]`. What they look like is no matter here (mathml.js): a token
 * carries the TeX as `content`, whether it stands on its own as `info`, and the source as it was written as `markup`.
 */

/** @typedef {import("../../vendor/markdown-it-15.0.3/markdown-it.js").StateInline} StateInline */
/** @typedef {import("../../vendor/markdown-it-15.0.3/markdown-it.js").StateBlock} StateBlock */

const LONGEST_INLINE = 1_000;
const LETTER_OR_DIGIT = /[\p{L}\p{N}]/u;
const WORD_BEFORE = /[\p{L}\p{N}$\\]$/u;
// "$5, or 5$" speaks of money, and so does "$20 a month for$".
const AMOUNT_AND_WORDS = /^[\d.,]+[^\\]*[\s,][A-Za-z]{2,}/;
// What an opening line has to look like if it does not end there: "$$ means expensive" is text.
const TEX = /[\\^_={}]/;
const CLOSING = /** @type {Record<string, string>} */ ({ $: "$", $$: "$$", "\\(": "\\)", "\\[": "\\]" });

/** @param {import("./parser.js").MarkdownIt} parser */
export function formulas(parser) {
  parser.inline.ruler.before("escape", "formula", inlineFormula);
  parser.block.ruler.before("fence", "formula_block", blockFormula, { alt: ["paragraph", "reference", "blockquote", "list"] });
}

/**
 * The delimiter that a formula would begin with at this place.
 *
 * @param {string} text @param {number} position
 */
export function openingAt(text, position) {
  if (text.startsWith("$$", position)) return "$$";
  if (text[position] === "$") return "$";
  const two = text.slice(position, position + 2);
  return two === "\\(" || two === "\\[" ? two : "";
}

/** @param {StateInline} state @param {boolean} silent */
function inlineFormula(state, silent) {
  const opening = openingAt(state.src, state.pos);
  if (!opening || (opening[0] === "$" && WORD_BEFORE.test(state.src.slice(Math.max(0, state.pos - 2), state.pos)))) return false;
  const start = state.pos + opening.length;
  const end = endOf(state.src.slice(start, Math.min(state.posMax, start + LONGEST_INLINE)), opening);
  if (end < 0) return false;
  if (!silent) {
    const token = state.push("formula", "", 0);
    token.content = state.src.slice(start, start + end);
    token.info = opening === "$$" || opening === "\\[" ? "display" : "";
    token.markup = state.src.slice(state.pos, start + end + opening.length);
  }
  state.pos = start + end + opening.length;
  return true;
}

/** @param {string} text  after the opening @param {string} opening @returns {number} where the TeX ends; -1 if it is none */
function endOf(text, opening) {
  const closing = CLOSING[opening];
  if (opening === "$$" && text.startsWith("$")) return -1;
  const end = opening === "$" ? closingDollar(text) : text.indexOf(closing);
  const content = text.slice(0, end);
  if (end < 0 || !LETTER_OR_DIGIT.test(content)) return -1;
  return opening === "$" && AMOUNT_AND_WORDS.test(content) ? -1 : end;
}

/** No space inside the dollars, no digit after them: most dollars in texts mean money. @param {string} text */
function closingDollar(text) {
  if (/^\s/.test(text)) return -1;
  let end = 0;
  while (end < text.length && text[end] !== "$") end += text[end] === "\\" ? 2 : 1;
  return end < text.length && !/\s/.test(text[end - 1]) && !/[\d$]/.test(text[end + 1] ?? "") ? end : -1;
}

/**
 * A block is one line, or commits on its opening line like a fence and goes on to a line that ends with its closing, or to an
 * empty line, as TeX has none in a formula: then it is not closed, and its source is shown.
 *
 * @param {StateBlock} state @param {number} first @param {number} end @param {boolean} silent
 */
function blockFormula(state, first, end, silent) {
  if (state.sCount[first] - state.blkIndent >= 4) return false;
  const line = lineOf(state, first);
  const opening = openingAt(line, 0);
  const closing = CLOSING[opening];
  if (opening !== "$$" && opening !== "\\[") return false;
  const rest = line.slice(2);
  const closed = rest.indexOf(closing);
  if (closed >= 0 ? closed + 2 < rest.length || !LETTER_OR_DIGIT.test(rest.slice(0, closed)) : !opens(rest)) return false;
  if (silent) return true;
  const last = closed >= 0 ? first : lastLine(state, first, end, closing);
  const source = state.getLines(first, last + 1, state.blkIndent, false).trim();
  const token = state.push("formula_block", "", 0);
  token.map = [first, last + 1];
  token.info = "display";
  token.markup = source;
  token.content = source.length >= 4 && source.endsWith(closing) ? source.slice(2, -2).trim() : "";
  state.line = last + 1;
  return true;
}

/** @param {string} rest  of an opening line that does not close */
function opens(rest) {
  return rest === "" || (TEX.test(rest) && !rest.startsWith("$") && !rest.includes("]"));
}

/** @param {StateBlock} state @param {number} first @param {number} end @param {string} closing */
function lastLine(state, first, end, closing) {
  let last = first;
  for (let line = first + 1; line < end; line += 1) {
    if (state.isEmpty(line) || state.sCount[line] < state.blkIndent) break;
    last = line;
    if (lineOf(state, line).endsWith(closing)) break;
  }
  return last;
}

/** @param {StateBlock} state @param {number} line */
function lineOf(state, line) {
  return state.src.slice(state.bMarks[line] + state.tShift[line], state.eMarks[line]).trim();
}
