/**
 * The page's Dressing. Its code is loaded by the first message that has something to dress, when the page is idle: all
 * messages are readable by then. Dressing requested before that waits.
 */

import { whenIdle } from "../ui/idle.js";

const PATIENCE_MS = 500;

/**
 * @typedef {import("./dressing.js").Dressing} Dressing
 *
 * @typedef {object} Loading
 * @property {() => Promise<Pick<Dressing, "dress">>} [load]
 * @property {(work: () => void) => void} [whenIdle]
 */

export class LateDressing {
  #loading;
  /** @type {Pick<Dressing, "dress"> | null} */
  #dressing = null;
  /** @type {Parameters<Dressing["dress"]>[]} */
  #waiting = [];
  #asked = false;

  /** @param {Loading} [loading]  defaults to the page's own */
  constructor(loading = {}) {
    this.#loading = { ...pageLoading, ...loading };
  }

  /** @type {Dressing["dress"]} */
  dress(roots, isOpen) {
    if (this.#dressing) return this.#dressing.dress(roots, isOpen);
    this.#waiting.push([roots, isOpen]);
    if (this.#asked) return;
    this.#asked = true;
    this.#loading.whenIdle(() => void this.#load());
  }

  async #load() {
    try {
      this.#dressing = await this.#loading.load();
    } catch {
      this.#asked = false; // The next message retries.
      return;
    }
    for (const [roots, isOpen] of this.#waiting.splice(0)) this.#dressing.dress(roots, isOpen);
  }
}

const pageLoading = {
  load: async () => new (await import("./dressing.js")).Dressing(),
  /** @param {() => void} work */
  whenIdle: (work) => whenIdle(work, PATIENCE_MS),
};
