/** The link reference definitions of one message, and the readers that looked up a missing one. */

/** @typedef {import("../../vendor/markdown-it-15.0.3/markdown-it.js").Reference} Reference */

export class References {
  /** @type {Record<string, Reference>} */
  #defined = Object.create(null);
  /** @type {Map<string, Set<object>>} */
  #waiting = new Map();
  /** @type {Set<object>} */
  #late = new Set();
  /** Labels that have been looked up. @type {Set<string>} */
  #used = new Set();

  /** A throw-away layer: definitions added to it are discarded. @returns {Record<string, Reference>} */
  overlay() {
    return Object.create(this.#defined);
  }

  /**
   * Runs `parse` with references that record the missing labels it looks up, on behalf of `reader`. The definitions it
   * adds are kept; readers that missed one of them before become late.
   *
   * @template T
   * @param {object} reader
   * @param {(references: Record<string, Reference>) => T} parse
   * @returns {{ result: T, missed: boolean }}
   */
  record(reader, parse) {
    /** @type {Set<string>} */
    const misses = new Set();
    const result = parse(
      new Proxy(this.#defined, {
        get: (defined, label) => {
          (label in defined ? this.#used : misses).add(String(label));
          return defined[String(label)];
        },
        set: (defined, label, reference) => {
          defined[String(label)] = reference;
          this.#wake(String(label));
          return true;
        },
      }),
    );
    const missing = [...misses].filter((label) => !(label in this.#defined));
    for (const label of missing) this.#wait(label, reader);
    return { result, missed: missing.length > 0 };
  }

  /** @param {string} label */
  isUsed(label) {
    return this.#used.has(label);
  }

  /** The readers whose missing labels have been defined since; each is returned once. */
  takeLate() {
    const late = [...this.#late];
    this.#late.clear();
    return late;
  }

  /** @param {string} label */
  #wake(label) {
    for (const reader of this.#waiting.get(label) ?? []) {
      this.#late.add(reader);
      this.#used.add(label);
    }
    this.#waiting.delete(label);
  }

  /** @param {string} label @param {object} reader */
  #wait(label, reader) {
    const readers = this.#waiting.get(label) ?? new Set();
    this.#waiting.set(label, readers.add(reader));
  }
}
