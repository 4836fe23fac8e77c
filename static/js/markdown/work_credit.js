/**
 * Bounds the total work on a message by its length, whatever its text: every character that arrives earns credit, and
 * parsing the open end again is allowed only when it is paid for.
 */

// At most 16 characters are handed to the parser for each one received, beyond the opening grant: 13 while the text
// arrives, up to 2 at its end (the last blocks, and those whose link definitions came late), one to spare.
export const EARNED_FOR_ALL = 13;
// Of these, so many may go into drawing only the last item of a long list; the others are saved for the whole.
export const EARNED_FOR_LAST_ITEM = 4;
// Lets a usual short answer be drawn exactly with every chunk.
const OPENING_GRANT = 16_384;
// Saved-up credit is limited, so that a long quiet text cannot buy a slow burst.
const MOST_SAVED = 65_536;

export class WorkCredit {
  #saved = OPENING_GRANT;
  #earnedPerCharacter;

  /** @param {number} earnedPerCharacter */
  constructor(earnedPerCharacter) {
    this.#earnedPerCharacter = earnedPerCharacter;
  }

  /** @param {number} characters */
  earn(characters) {
    this.#saved += this.#earnedPerCharacter * characters;
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
