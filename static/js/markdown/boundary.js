/**
 * Word boundaries. Chinese, Japanese, Thai and related scripts have no spaces, and Korean attaches particles to the
 * word before them. Next to their letters and punctuation, a markup delimiter counts as if it were next to a space.
 */

// U+00B7 belongs to Han as well, although Catalan uses it too.
const UNSPACED =
  /^(?!\xb7)[\p{scx=Han}\p{scx=Hira}\p{scx=Kana}\p{scx=Hang}\p{scx=Bopo}\p{scx=Yiii}\p{scx=Thai}\p{scx=Laoo}\p{scx=Khmr}\p{scx=Mymr}\p{scx=Tibt}\u3000-\u303f\ufe30-\ufe4f\uff00-\uffef]/u;
const WORD = /^[\p{L}\p{N}]/u;

/** @param {string} text @param {number} end @returns {string} the character before that offset; "" at the start */
export function characterBefore(text, end) {
  return /[^]?$/u.exec(text.slice(Math.max(0, end - 2), end))?.[0] ?? "";
}

/** Whether a text begins in a script that does not separate words with spaces. @param {string} text */
export function isUnspaced(text) {
  return UNSPACED.test(text) && /^\S/.test(text);
}

/** Whether a text begins with a letter or digit that would continue the neighbouring word. @param {string} text */
export function isWord(text) {
  return WORD.test(text) && !isUnspaced(text);
}

/**
 * Emphasis and strikethrough with these boundaries, like markdown-it-cjk-friendly, but without its width tables, which
 * are as large as the rest of our grammar, and with the scripts it leaves out. A single underscore is part of names in
 * every script, so it follows CommonMark.
 *
 * @param {import("./parser.js").MarkdownIt} parser
 */
export function boundaries(parser) {
  parser.inline.State = class extends parser.inline.State {
    /** @param {number} start @param {boolean} canSplitWord  false for "_" */
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
