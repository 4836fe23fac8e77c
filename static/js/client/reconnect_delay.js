const FIRST_WITHIN_MS = 5_000;
const NEXT_MS = 5_000;
// After five minutes nobody waits for this page any more.
const OFTEN = 60;
const RARE_MS = [15_000, 30_000];

/**
 * When to look for a lost server again. First at a random moment within 5 s, then every 5 s: the many clients of one
 * server come back evenly, never together, and each of them within 5 s of the server. At last every 15–30 s.
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
