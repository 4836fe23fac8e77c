/**
 * Bounds the total work on a message by its length, whatever its text: every character that arrives earns credit, and
 * parsing the open end again is allowed only when it is paid for.
 */

// 16 characters handed to the parser for each one received: 14 while it arrives, 2 kept for the end of the message
// (the last blocks, and those whose link definitions came late).
const EARNED_PER_CHARACTER = 14;
// Saved-up credit is limited, so that a long quiet text cannot buy a slow burst.
const MOST_SAVED = 65_536;

export class WorkCredit {
  #saved = 0;

  /** @param {number} characters */
  earn(characters) {
    this.#saved += EARNED_PER_CHARACTER * characters;
  }

  /**
   * @param {number} price  in characters
   * @returns {boolean} whether that much may be parsed now
   */
  affords(price) {
    // A text dearer than the limit must remain affordable, or its end would never be seen.
    this.#saved = Math.min(this.#saved, Math.max(MOST_SAVED, price));
    return this.#saved >= price;
  }

  /** @param {number} characters */
  spend(characters) {
    this.#saved -= characters;
  }
}
