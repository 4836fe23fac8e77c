/**
 * TeX formulas within a line: `$…$`, `\(…\)`, `$$…$$` and `\[…\]`. (Blocks: formula_blocks.js. Drawing: mathml.js.) A
 * token has the TeX as `content`, whether it is a display formula as `info`, and the source as written as `markup`.
 */

import { characterBefore, isWord } from "./boundary.js";

/** @typedef {import("../../vendor/markdown-it-15.0.3/markdown-it.js").StateInline} StateInline */

export const LONGEST_INLINE = 1_000;
export const LETTER_OR_DIGIT = /[\p{L}\p{N}]/u;
// "$5, or 5$" is about money, and so is "$20 a month for$".
const AMOUNT_AND_WORDS = /^[\d.,][^\\]*[\s,][A-Za-z]{2,}/;
const AMOUNT = /^[\d.,\s]*$/;
export const WORDS = /[A-Za-z]{3,}|\b(?:a|an|at|by|in|is|of|on|or|to)\b/;
export const PROSE_MARKS = /[\u3001\u3002\u300a-\u3011\uff01\uff08\uff09\uff0c\uff1a\uff1b\uff1f]/;
export const LETTERS_OF_PROSE = /[\p{sc=Han}\p{sc=Hira}\p{sc=Kana}\p{sc=Hang}\p{sc=Thai}]/u;
// TeX for text within a formula, and TeX commands.
const TEX_WORDS = /\\(?:text\w*|mbox|mathrm|operatorname|tag)\*?\s*\{[^{}]*\}/g;
const COMMANDS = /\\[A-Za-z]+/g;
// "the $n$th term"
const ORDINAL = /^(?:th|st|nd|rd|s)(?![\p{L}\p{N}])/u;
// sed and grep write groups like this: s/\(a*\)b/\1/
const PATTERN_BEFORE = /[/^.\\]$/;
const PATTERN_AFTER = /^(?:[*+?]*\/|\\[\d{(|+?]|\$\/)/;
const PATTERN = /[\p{L}\p{N}]\\\|[\p{L}\p{N}]/u;
// "$$ means expensive" is text.
export const TEX = /[\\^_={}]/;
export const CLOSING = /** @type {Record<string, string>} */ ({ $: "$", $$: "$$", "$`": "`$", "\\(": "\\)", "\\[": "\\]" });
/**
 * Dollars that cannot open a formula, because they end text that turned out not to be one.
 *
 * @type {WeakMap<StateInline, Set<number>>}
 */
const spent = new WeakMap();

/** @param {import("./parser.js").MarkdownIt} parser */
export function formulas(parser) {
  parser.inline.ruler.before("escape", "formula", inlineFormula);
}

/**
 * The delimiter of a formula that would begin at this position.
 *
 * @param {string} text @param {number} position
 */
export function openingAt(text, position) {
  const two = text.slice(position, position + 2);
  if (two === "$$" || two === "$`" || two === "\\(" || two === "\\[") return two;
  return two[0] === "$" ? "$" : "";
}

/** Whether a dollar may open a formula at this position, whatever follows. @param {StateInline} state */
export function mayOpen(state) {
  const before = characterBefore(state.src, state.pos);
  return !isWord(before) && before !== "$" && before !== "\\" && !spent.get(state)?.has(state.pos);
}

/** @param {StateInline} state @param {boolean} silent */
function inlineFormula(state, silent) {
  const opening = openingAt(state.src, state.pos);
  if (!opening) return false;
  const start = state.pos + opening.length;
  const end = endOf(state, start, opening);
  if (end < 0) return false;
  if (opening[0] === "$" && !mayOpen(state)) return spend(state, end);
  if (!silent) {
    const token = state.push("formula", "", 0);
    token.content = state.src.slice(start, end).trim();
    token.info = opening === "$$" || opening === "\\[" ? "display" : "";
    token.markup = state.src.slice(state.pos, end + opening.length);
  }
  state.pos = end + opening.length;
  return true;
}

/** The dollar that would have closed the formula cannot open another. @param {StateInline} state @param {number} end */
function spend(state, end) {
  const dollars = spent.get(state) ?? new Set();
  spent.set(state, dollars.add(end));
  return false;
}

/**
 * @param {StateInline} state
 * @param {number} start
 * @param {string} opening
 * @returns {number} where the TeX ends; -1 if it is not a formula
 */
function endOf(state, start, opening) {
  const text = state.src.slice(start, Math.min(state.posMax, start + LONGEST_INLINE));
  if (opening === "$$" && text.startsWith("$")) return -1;
  const end = opening === "$" ? closingDollar(text) : text.indexOf(CLOSING[opening]);
  const content = text.slice(0, end);
  if (end < 0 || !LETTER_OR_DIGIT.test(content)) return -1;
  const before = state.src.slice(Math.max(0, start - opening.length - 2), start - opening.length);
  const after = text.slice(end + opening.length);
  const isOther = opening === "$" ? isMoney(content, before, after) || isProse(content) : opening === "\\(" && isPattern(content, before, after);
  return isOther ? -1 : start + end;
}

/**
 * Spaces inside the dollars on both sides or on neither, and no word right after them: most dollars in text mean
 * money.
 *
 * @param {string} text
 */
function closingDollar(text) {
  let end = 0;
  while (end < text.length && text[end] !== "$") end += text[end] === "\\" ? 2 : 1;
  const after = text.slice(end + 1);
  if (!end || end >= text.length || /^\s/.test(text) !== /\s/.test(text[end - 1]) || /^[${]/.test(after)) return -1;
  return isWord(after) && !(ORDINAL.test(after) && !/\s/.test(text.slice(0, end))) ? -1 : end;
}

/** @param {string} content @param {string} before @param {string} after */
function isMoney(content, before, after) {
  if (AMOUNT_AND_WORDS.test(content)) return true;
  if (!/^\s/.test(content)) return false;
  return AMOUNT.test(content) || WORDS.test(withoutTexWords(content).replace(COMMANDS, "")) || /\d\s?$/.test(before) || /^\s?\d/.test(after);
}

/** Whether it is text in a script that formulas do not use, outside TeX's text commands. @param {string} content */
function isProse(content) {
  const rest = withoutTexWords(content);
  return PROSE_MARKS.test(rest) || (LETTERS_OF_PROSE.test(rest) && !TEX.test(content));
}

/** @param {string} tex */
export function withoutTexWords(tex) {
  return tex.replace(TEX_WORDS, "");
}

/** @param {string} content @param {string} before @param {string} after */
function isPattern(content, before, after) {
  return PATTERN_BEFORE.test(before) || PATTERN_AFTER.test(after) || PATTERN.test(content) || (/^\*(?!\*)/.test(after) && !before.endsWith("*"));
}
