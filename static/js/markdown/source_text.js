// A browser takes seconds to put ten thousand marks on one letter. No language has more than thirty (UAX #15, Stream-Safe Text
// Format): those that follow are on a circle, as marks without a letter are.
const CIRCLE = "\u25cc";
const MOST_MARKS = /\p{M}{30}(?=\p{M})/gu;
const LAST_MARKS = /(?<!\p{M})\p{M}+$/u;

/**
 * Normalizes the text of a message for the parser: "\n" line ends, no NUL, no split characters. An incomplete end of a
 * chunk, a "\r" or the first half of a surrogate pair, waits for the next chunk.
 */
export class SourceText {
  #raw = "";
  #waiting = "";
  /** At the end, on one letter. */
  #marks = "";

  /** Everything received, unchanged. */
  get raw() {
    return this.#raw;
  }

  /** @param {string} chunk @returns {string} */
  push(chunk) {
    this.#raw += chunk;
    const text = this.#waiting + chunk;
    const whole = text.length - Number(endsOpen(text));
    this.#waiting = text.slice(whole);
    return this.#withCircles(normalised(text.slice(0, whole)));
  }

  /** The text that was still waiting. */
  finish() {
    const rest = normalised(this.#waiting);
    this.#waiting = "";
    return this.#withCircles(rest);
  }

  /** @param {string} text */
  #withCircles(text) {
    const all = (this.#marks + text).replace(MOST_MARKS, `$&${CIRCLE}`);
    const added = all.slice(this.#marks.length);
    // Of two code units each, at most.
    this.#marks = LAST_MARKS.exec(all.slice(-60))?.[0] ?? "";
    return added;
  }
}

/**
 * Whether the last code unit must not be separated from the next one.
 *
 * @param {string} text
 */
export function endsOpen(text) {
  const last = text.charCodeAt(text.length - 1);
  return last === 0x0d || (last >= 0xd800 && last <= 0xdbff);
}

/** @param {string} text */
function normalised(text) {
  return text.replace(/\r\n?/g, "\n").replaceAll("\0", "\ufffd");
}
