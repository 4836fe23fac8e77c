/**
 * Where a word ends. Chinese, Japanese, Thai and their kin are written without spaces, and Korean joins its particles to
 * whatever stands before them: next to their letters and punctuation a mark of markup is as free as next to a space.
 */

// U+00B7, which Catalan has too, belongs to Han as well.
const UNSPACED =
  /^(?!\xb7)[\p{scx=Han}\p{scx=Hira}\p{scx=Kana}\p{scx=Hang}\p{scx=Bopo}\p{scx=Yiii}\p{scx=Thai}\p{scx=Laoo}\p{scx=Khmr}\p{scx=Mymr}\p{scx=Tibt}\u3000-\u303f\ufe30-\ufe4f\uff00-\uffef]/u;
const WORD = /^[\p{L}\p{N}]/u;

/** @param {string} text @param {number} end @returns {string} the character before that place; "" at the start */
export function characterBefore(text, end) {
  return /[^]?$/u.exec(text.slice(Math.max(0, end - 2), end))?.[0] ?? "";
}

/** Whether a text begins in a script whose words are not separated by spaces. @param {string} text */
export function isUnspaced(text) {
  return UNSPACED.test(text) && /^\S/.test(text);
}

/** Whether a text begins with a letter or digit which is part of the word that a neighbour of it belongs to. @param {string} text */
export function isWord(text) {
  return WORD.test(text) && !isUnspaced(text);
}

/**
 * Emphasis and strikethrough by this idea of a boundary, as markdown-it-cjk-friendly has it: without its tables of widths,
 * which are as large as the rest of our grammar, and with the scripts that it leaves out. A single underscore joins names
 * in every script, and stays as CommonMark has it.
 *
 * @param {import("./parser.js").MarkdownIt} parser
 */
export function boundaries(parser) {
  parser.inline.State = class extends parser.inline.State {
    /** @param {number} start @param {boolean} canSplitWord  not so "_" */
    scanDelims(start, canSplitWord) {
      const found = super.scanDelims(start, canSplitWord);
      const before = characterBefore(this.src, start);
      const after = this.src.slice(start + found.length, this.posMax);
      if (!/\S/.test(before) || !/^\S/.test(after)) return found;
      const [isFreeBefore, isFreeAfter] = [isUnspaced(before), isUnspaced(after)];
      if (canSplitWord ? !isFreeBefore && !isFreeAfter : found.length < 2) return found;
      if (canSplitWord) return { ...found, can_open: true, can_close: true };
      return { ...found, can_open: found.can_open || isFreeBefore, can_close: found.can_close || isFreeAfter };
    }
  };
}
