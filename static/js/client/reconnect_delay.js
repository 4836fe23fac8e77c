const FIRST_WITHIN_MS = 5_000;
const NEXT_MS = 5_000;
// Five minutes of attempts: by then, nobody is waiting for this page.
const OFTEN = 60;
const RARE_MS = [15_000, 30_000];

/**
 * When to retry a lost server: first at a random moment within 5 s, then every 5 s, finally every 15–30 s. The many
 * clients of one server reconnect evenly spread, and within 5 s of its return.
 */
export class ReconnectDelay {
  #random;
  #attempts = 0;

  /** @param {() => number} random uniform in [0, 1) */
  constructor(random) {
    this.#random = random;
  }

  /** @returns {number} milliseconds to wait before the next attempt */
  next() {
    this.#attempts += 1;
    if (this.#attempts === 1) return Math.round(this.#random() * FIRST_WITHIN_MS);
    if (this.#attempts <= OFTEN) return NEXT_MS;
    const [least, most] = RARE_MS;
    return Math.round(least + this.#random() * (most - least));
  }

  reset() {
    this.#attempts = 0;
  }
}
