/**
 * What is not shown yet at the end of a streamed text, because the next characters may make another block of it:
 * `Items:` + `-` is a heading until the item's text arrives. Held text is shown at its newline, or at the end.
 *
 * One change of kind is accepted: a paragraph becomes a heading when the next line underlines it. Its underline is held, so
 * that nothing else is seen on the way; to hold the words as well would show all prose a line late, and models write `#`.
 */

// Longer lines are shown as they are: nobody waits that long for a table row.
const MAX_HELD_LINE = 1_000;
const CONTAINERS = /^(?:[ \t>]+|[-+*](?=[ \t])|\d{1,9}[.)](?=[ \t]))*/;
const UNDECIDED = [
  /^[-+*_=~`#|:\s]*$/,
  /^\d{1,9}[.)]?\s*$/,
  /^(?:`{3,}|~{3,})/,
  /^\[[^\]]*(?:\]:?\S*)?$/,
  /^\[[^\]]+\]:\s*(?:\S*$|<|#|https?:|mailto:)/i,
  /^\[[ xX]\]\s*$/,
  /^\|/,
  // A formula of one line, or the first of more.
  /^\$(?:$|\$)/,
  /^\\(?:$|\[|b)/,
];
const ROW = /^[ \t>]*\|/;
const DELIMITER_ROW = /^[ \t>]*(?![ \t])[|:\-\s]*$/;

/**
 * @param {string} text  beginning at the start of a line
 * @returns {number} the length of the part that may be shown
 */
export function shownLength(text) {
  const start = text.lastIndexOf("\n") + 1;
  const line = text.slice(start, start + MAX_HELD_LINE + 1);
  const header = headerRowStart(text, start, line);
  if (header >= 0) return header;
  return isUndecided(line) ? start : text.length;
}

/** @param {string} line  an incomplete line */
export function isUndecided(line) {
  if (!line || line.length > MAX_HELD_LINE) return false;
  const rest = line.slice(CONTAINERS.exec(line)?.[0].length);
  return UNDECIDED.some((pattern) => pattern.test(rest));
}

/**
 * A first row `|…|` is the header of a table or plain text; only its next line tells.
 *
 * @param {string} text @param {number} lineStart @param {string} line
 */
function headerRowStart(text, lineStart, line) {
  if (lineStart === 0 || !DELIMITER_ROW.test(line)) return -1;
  const start = text.lastIndexOf("\n", lineStart - 2) + 1;
  if (!ROW.test(text.slice(start, lineStart))) return -1;
  const before = text.slice(text.lastIndexOf("\n", start - 2) + 1, start);
  return start > 0 && ROW.test(before) ? -1 : start;
}
