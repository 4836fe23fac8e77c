/**
 * Holds back the end of a streamed text while the next characters may still turn it into a different block: `Items:` +
 * `-` is a heading until the item's text arrives. Held text is shown at its newline, or at the end.
 *
 * One visible change is accepted: a paragraph becomes a heading when the next line underlines it. The underline is
 * held, so nothing else shows in between. Holding the paragraph as well would delay all prose by a line, and models
 * write `#`.
 */

// Longer lines are shown as they are: a table row that long is not worth the wait.
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
  // A one-line formula, or the first line of a longer one.
  /^\$(?:$|\$)/,
  /^\\(?:$|\[|b)/,
];
const ROW = /^[ \t>]*\|/;
const DELIMITER_ROW = /^[ \t>]*(?![ \t])[|:\-\s]*$/;

/**
 * @param {string} text  starting at the beginning of a line
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
 * A first row `|…|` is either a table header or plain text; only the next line decides.
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
