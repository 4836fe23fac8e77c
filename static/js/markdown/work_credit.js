/**
 * Bounds the total work on a message by its length, whatever its text: every received character earns credit, and
 * reparsing the open end is allowed only when the credit covers it.
 */

// At most 16 characters are passed to the parser per received one, beyond the opening grant: 13 while the text
// arrives, up to 2 at its end (the last blocks, and those with late link definitions), one to spare.
export const EARNED_FOR_ALL = 13;
// How much of it may go into drawing only the last item of a long list; the rest is saved for full parses.
export const EARNED_FOR_LAST_ITEM = 4;
// Enough to draw a typical short answer exactly with every chunk.
const OPENING_GRANT = 16_384;
// Saved credit is limited, so that a long plain text cannot pay for a slow burst.
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
    // A text more expensive than the limit must remain affordable, or its end would never be shown.
    this.#saved = Math.min(this.#saved, Math.max(MOST_SAVED, price));
    return this.#saved >= price;
  }

  /** @param {number} characters */
  spend(characters) {
    this.#saved -= characters;
  }
}
