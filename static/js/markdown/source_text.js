/**
 * Normalizes the text of a message for the parser: "\n" line ends, no NUL, no split characters. An incomplete end of a
 * chunk, a "\r" or the first half of a surrogate pair, waits for the next chunk.
 */
export class SourceText {
  #raw = "";
  #waiting = "";

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
    return normalised(text.slice(0, whole));
  }

  /** The text that was still waiting. */
  finish() {
    const rest = normalised(this.#waiting);
    this.#waiting = "";
    return rest;
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
