/**
 * Footnotes: `[^1]` in the text, and `[^1]: The note.` on its own line. A note stays where it was written; its mark
 * leads there. Like a link without its definition, a mark without its note is text, and becomes a mark when the note
 * arrives (references.js).
 */

/** @typedef {import("../../vendor/markdown-it-15.0.3/markdown-it.js").StateBlock} StateBlock */
/** @typedef {import("../../vendor/markdown-it-15.0.3/markdown-it.js").StateInline} StateInline */

const NOTE = /^\[\^([^\s[\]]{1,80})\]:[ \t]*/;
const MARK = /\[\^([^\s[\]]{1,80})\]/y;
const INDENT = 4;

/** @param {import("./parser.js").MarkdownIt} parser */
export function footnotes(parser) {
  parser.block.ruler.before("reference", "footnote", note, { alt: ["paragraph", "reference"] });
  parser.inline.ruler.before("citation", "footnote_mark", mark);
}

/** @param {StateBlock} state @param {number} first @param {number} end @param {boolean} silent */
function note(state, first, end, silent) {
  const line = state.src.slice(state.bMarks[first] + state.tShift[first], state.eMarks[first]);
  const found = state.sCount[first] - state.blkIndent < 4 && NOTE.exec(line);
  if (!found) return false;
  if (silent) return true;
  const references = (state.env.references ??= {});
  references[keyOf(found[1])] ??= { href: "", title: "" };
  const open = state.push("footnote_open", "div", 1);
  open.info = found[1];
  read(state, first, end, found[0].length);
  open.map = [first, state.line];
  state.push("footnote_close", "div", -1);
  return true;
}

/** Reads the note: the rest of its line, and the indented lines below. @param {StateBlock} state @param {number} first @param {number} end @param {number} length */
function read(state, first, end, length) {
  const { bMarks, tShift, sCount, blkIndent, parentType } = state;
  const kept = [bMarks[first], tShift[first], sCount[first]];
  bMarks[first] += tShift[first] + length;
  tShift[first] = 0;
  sCount[first] = blkIndent + INDENT;
  state.blkIndent += INDENT;
  state.parentType = "reference";
  state.md.block.tokenize(state, first, end);
  Object.assign(state, { blkIndent, parentType });
  [bMarks[first], tShift[first], sCount[first]] = kept;
  if (state.line === first) state.line = first + 1;
}

/** @param {StateInline} state @param {boolean} silent */
function mark(state, silent) {
  MARK.lastIndex = state.pos;
  const found = MARK.exec(state.src);
  if (!found || !state.env.references?.[keyOf(found[1])]) return false;
  if (!silent) state.push("footnote_mark", "sup", 0).content = found[1];
  state.pos += found[0].length;
  return true;
}

/** A key among the labels of links, which are normalized to capitals and so never begin like this. @param {string} label */
function keyOf(label) {
  return `^${label.toLowerCase().toUpperCase()}`;
}
