/** Previews links and images whose brackets are not complete yet. */

import { hideRest, isUnfinished } from "./unfinished_text.js";

/** @typedef {import("../../vendor/markdown-it-15.0.3/markdown-it.js").StateInline} StateInline */

// Finding the end of a bracket takes time; beyond this length, it is treated as plain text.
const LONGEST_LABEL = 1_000;
const LONGEST_IMAGE_TEXT = 300;
const HALF_DESTINATION =
  /^\(\s*(?!\s)(?:<[^<>\n]*>?|[^\s<()]*(?:\([^\s()]*(?:\)[^\s<()]*)?)*)(?:\s+(?:"[^"]*(?:"\s*)?|'[^']*(?:'\s*)?|\([^()]*(?:\)\s*)?)?)?$/;
const HALF_REFERENCE = /^\[[^[\]]*$/;

/** @param {import("./parser.js").MarkdownIt} parser */
export function unfinishedBrackets(parser) {
  parser.inline.ruler.after("image", "unfinished_image", unfinishedImage);
  parser.inline.ruler.after("image", "unfinished_link", unfinishedLink);
}

/**
 * Shows the text of an incomplete link, without brackets and destination.
 *
 * @param {StateInline} state
 * @param {boolean} silent
 */
function unfinishedLink(state, silent) {
  if (state.src.charCodeAt(state.pos) !== 0x5b || !isUnfinished(state)) return false;
  const start = state.pos + 1;
  const length = state.posMax - start;
  const labelEnd = length > LONGEST_LABEL * 4 ? -1 : state.md.helpers.parseLinkLabel(state, state.pos);
  if (labelEnd < 0) {
    if (length > LONGEST_LABEL || /[\p{L}\p{N}\])]$/u.test(state.src.slice(0, state.pos).slice(-2))) return false;
    state.pos = start;
    return true;
  }
  if (!mayContinue(state.src.slice(labelEnd + 1))) return false;
  const end = state.posMax;
  if (!silent) {
    state.pos = start;
    state.posMax = labelEnd;
    state.md.inline.tokenize(state);
    state.posMax = end;
  }
  return hideRest(state);
}

/** Hides an incomplete image. @param {StateInline} state */
function unfinishedImage(state) {
  if (!state.src.startsWith("![", state.pos) || !isUnfinished(state)) return false;
  const labelEnd = state.md.helpers.parseLinkLabel(state, state.pos + 1);
  const hidden = labelEnd < 0 ? state.posMax - state.pos < LONGEST_IMAGE_TEXT : mayContinue(state.src.slice(labelEnd + 1));
  return hidden && hideRest(state);
}

/** Whether the text after the closing bracket may become a destination or a label. @param {string} rest */
function mayContinue(rest) {
  return rest === "" || HALF_DESTINATION.test(rest) || HALF_REFERENCE.test(rest);
}
