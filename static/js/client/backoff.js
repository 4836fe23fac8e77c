const FIRST_CEILING_MS = 1_000;
const LAST_CEILING_MS = 30_000;

/**
 * Full-jitter exponential backoff: uniform in 0–1 s, then 0–2 s, 0–4 s … 0–30 s, so that clients do not all reconnect
 * at once after a server restart.
 */
export class Backoff {
  #random;
  #ceiling = FIRST_CEILING_MS;

  /** @param {() => number} [random] uniform in [0, 1) */
  constructor(random = Math.random) {
    this.#random = random;
  }

  /** @returns {number} milliseconds to wait before the next attempt */
  next() {
    const wait = this.#random() * this.#ceiling;
    this.#ceiling = Math.min(this.#ceiling * 2, LAST_CEILING_MS);
    return Math.round(wait);
  }

  reset() {
    this.#ceiling = FIRST_CEILING_MS;
  }
}
