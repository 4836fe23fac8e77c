/**
 * Limits the size of one block. No real answer has such a long one, but a block is parsed, drawn and laid out in one
 * go, which blocks the page. So a longer one is read as several: a list in whole items, other blocks in whole lines, a
 * line between its words. Where it is cut depends only on its text, not on how the text arrives. Open fences and
 * tables are not cut here: they grow by themselves (open_fence.js, open_table.js).
 */

/** @typedef {import("./parser.js").Token} Token */

const MOST_CHARACTERS = 8_192;
// For plain text. Elements are expensive, and only marks create elements: a mark counts as MARK characters towards the
// limit above, any other character as one.
const MARK = 2;
const PLAIN = 1 / 16;
// For each unclosed one, the parser searches the text that follows.
const IMAGE = 8;
const MARKS = /!\[|[`*_~$\\<>[\]!&|\n#+\-.:@]/g;
// With code in it, which is a single text, cheap, and should not be split.
const MOST_WITH_CODE = 49_152;
const FENCE = /^[ \t>]*(?:`{3}|~{3})/m;
// List items and lines of quotes: each makes several elements.
const MOST_MARKED_LINES = 600;
const MARKED = /\n(?=[ \t]*(?:>|[-+*](?:[ \t\n]|$)|\d{1,9}[.)](?:[ \t\n]|$)))/g;

/**
 * @param {string} text  starting at a block
 * @returns {number} the offset where the block must end at the latest; 0 if the text is within the limit
 */
export function blockLimit(text) {
  const marked = text.length > MOST_MARKED_LINES ? endOfMarkedLines(text) : 0;
  if (marked && marked <= MOST_CHARACTERS) return marked;
  if (text.length <= MOST_CHARACTERS / MARK) return 0;
  const most = FENCE.test(text.slice(0, MOST_CHARACTERS)) ? MOST_WITH_CODE : mostOf(text);
  if (text.length <= most) return 0;
  return text.lastIndexOf("\n", most - 1) + 1 || endOfWord(text.slice(0, most));
}

/**
 * Where to cut a block that reaches the limit: before its last item if it is a list.
 *
 * @param {string} text  up to the limit @param {Token[]} tokens  its block tokens
 * @returns {number} more than 0
 */
export function cutAt(text, tokens) {
  const item = tokens.findLast(({ type, level, map }) => type === "list_item_open" && level === 1 && map && map[0] > 0);
  return item?.map ? endOfLine(text, item.map[0]) : text.length;
}

/** @param {string} text @param {number} lines @returns {number} the offset where that number of lines ends */
export function endOfLine(text, lines) {
  let end = 0;
  for (let line = 0; line < lines; line += 1) end = text.indexOf("\n", end) + 1;
  return end;
}

/** @param {string} text @returns {number} the number of characters that may form one block */
function mostOf(text) {
  MARKS.lastIndex = 0;
  let [weight, end] = [0, 0];
  for (let mark = MARKS.exec(text); mark; mark = MARKS.exec(text)) {
    weight += (mark.index - end) * PLAIN + (mark[0] === "![" ? IMAGE : MARK);
    if (weight > MOST_CHARACTERS) return mark.index;
    end = MARKS.lastIndex;
  }
  return MOST_CHARACTERS / PLAIN;
}

/** @param {string} text @returns {number} the offset of the first line beyond the limit */
function endOfMarkedLines(text) {
  MARKED.lastIndex = 0;
  for (let count = 0; MARKED.exec(text); ) if ((count += 1) > MOST_MARKED_LINES) return MARKED.lastIndex;
  return 0;
}

/** @param {string} line */
function endOfWord(line) {
  const space = line.lastIndexOf(" ") + 1;
  if (space > line.length / 2) return space;
  const last = line.charCodeAt(line.length - 1);
  return line.length - Number(last >= 0xd800 && last <= 0xdbff);
}
