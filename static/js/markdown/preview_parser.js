/**
 * The parser for the part of a text that is still being written. It uses the same grammar, but anticipates incomplete
 * markup at the very end of the text: open emphasis and code are closed, an incomplete link is shown as its text, an
 * incomplete image is hidden. Its output is shown briefly and never kept.
 */

import { dialect } from "./dialect.js";
import { createParser } from "./parser.js";
import { unfinishedBrackets } from "./unfinished_brackets.js";
import { unfinishedFormulas } from "./unfinished_formulas.js";
import { hideRest, isUnfinished } from "./unfinished_text.js";

/** @typedef {import("../../vendor/markdown-it-15.0.3/markdown-it.js").StateInline} StateInline */

const HALF_DELIMITER = /(?:(?<![\\*_~`$])[\\*_~`$]+|(?<=^|\s)!)$/;
const HALF_TAG = /^<(?:\/|br ?\/?|\/?(?:b|i|u|s|su|sub|sup|k|kb|kbd|m|ma|mar|mark)|!(?:-|--[^]{0,2000})?)?$/i;
const HALF_AUTOLINK = /^<(?:ht{0,2}|https?|https?:[^\s<>]*)$/i;
const LONGEST_AUTOLINK = 2_000;

export function createPreviewParser() {
  const parser = dialect(createParser());
  parser.core.ruler.at("inline", ({ md, env, src, tokens }) => {
    const inlines = tokens.filter((token) => token.type === "inline");
    const last = inlines.pop();
    for (const token of inlines) md.inline.parse(token.content, md, env, token.children ?? []);
    if (!last) return;
    const shown = src.endsWith("\n") ? last.content : last.content.replace(HALF_DELIMITER, "");
    env.hidesRest = shown !== last.content;
    last.content = shown;
    env.unfinishedToken = last;
    env.unfinished = true;
    md.inline.parse(last.content, md, env, last.children ?? []);
    env.unfinished = false;
  });
  parser.inline.ruler.before("backticks", "unfinished_code", unfinishedCode);
  parser.inline.ruler.before("inline_tag", "unfinished_tag", unfinishedTag);
  parser.inline.ruler2.after("balance_pairs", "unfinished_emphasis", closeEmphasis);
  unfinishedBrackets(parser);
  unfinishedFormulas(parser);
  return parser;
}

/** A run of backticks without a closing run is code to the end. @param {StateInline} state @param {boolean} silent */
function unfinishedCode(state, silent) {
  if (state.src.charCodeAt(state.pos) !== 0x60 || !isUnfinished(state)) return false;
  const start = endOfRun(state.src, state.pos);
  for (let run = start; (run = state.src.indexOf("`", run)) !== -1; ) {
    const end = endOfRun(state.src, run);
    if (end - run === start - state.pos) return false;
    run = end;
  }
  if (!silent && start < state.posMax) {
    state.push("code_inline", "code", 0).content = state.src.slice(start).replaceAll("\n", " ");
  }
  state.pos = state.posMax;
  return true;
}

/** @param {string} text @param {number} position */
function endOfRun(text, position) {
  while (text.charCodeAt(position) === 0x60) position += 1;
  return position;
}

/** An incomplete tag is hidden; an incomplete autolink is shown without its bracket. @param {StateInline} state */
function unfinishedTag(state) {
  if (state.src.charCodeAt(state.pos) !== 0x3c || !isUnfinished(state)) return false;
  if (state.posMax - state.pos > LONGEST_AUTOLINK) return false;
  const rest = state.src.slice(state.pos);
  if (HALF_TAG.test(rest)) return hideRest(state);
  if (!HALF_AUTOLINK.test(rest)) return false;
  state.pos += 1;
  return true;
}

/** Closes emphasis left open at the end of the text, innermost first. @param {StateInline} state */
function closeEmphasis(state) {
  if (!isUnfinished(state)) return;
  const delimiters = state.delimiters;
  let closedUntil = -1;
  const open = delimiters.filter((delimiter, index) => {
    closedUntil = Math.max(closedUntil, delimiter.end);
    return delimiter.open && delimiter.end < 0 && index > closedUntil;
  });
  for (const opener of open.reverse()) {
    state.push("text", "", 0);
    opener.end = delimiters.length;
    opener.close = false;
    delimiters.push({ ...opener, token: state.tokens.length - 1, end: -1, open: false, close: true });
  }
}
