/**
 * Flow control between a text stream and the page: draws once per frame, never more than fits into a frame, and tells
 * the sender when its text has been painted.
 *
 * A backlog is revealed evenly within a quarter of a second, or at once for readers who prefer reduced motion. A
 * hidden page has no frames and no reader: there, text counts as drawn on receipt, and is drawn all at once when the
 * page is shown.
 */

import { endsOpen } from "./source_text.js";

const REVEAL_WITHIN_MS = 250;
const SLOWEST_MS_PER_CHARACTER = 5;
const FRAME_BUDGET_MS = 6;
const USUAL_FRAME_MS = 16;
const SLICE_CHARACTERS = 2_048;

/**
 * @typedef {object} PumpOptions
 * @property {(text: string) => void} draw
 * @property {(callback: (time: number) => void) => number} [requestFrame]
 * @property {(id: number) => void} [cancelFrame]
 * @property {() => number} [now]  milliseconds, from a monotonic clock
 * @property {() => boolean} [isHidden]
 * @property {() => boolean} [reducedMotion]
 * @property {(listener: () => void) => () => void} [onVisibilityChange]  subscribes; returns a function to unsubscribe
 */

export class FramePump {
  #options;
  #queue = "";
  #received = 0;
  #drawn = 0;
  /** Characters per millisecond. It only grows until the queue is empty, so every backlog is shown in time. */
  #rate = 0;
  #lastFrame = 0;
  /** @type {number | null} */
  #frame = null;
  /** Writers whose text has not been drawn yet, in order. @type {{ end: number, resolve: () => void }[]} */
  #waiting = [];
  /** Writers whose text was drawn in the last frame. @type {(() => void)[]} */
  #painting = [];
  #closed = false;
  #unsubscribe;

  /** @param {PumpOptions} options  everything but `draw` defaults to the page's own */
  constructor(options) {
    this.#options = { ...pageDefaults(), ...options };
    this.#unsubscribe = this.#options.onVisibilityChange(() => {
      if (this.#options.isHidden()) this.#resolveAll();
      else this.#drawAtOnce(this.#drawable);
    });
  }

  /**
   * @param {string} text
   * @returns {Promise<void>} resolves after the frame that painted all of it; in a hidden page and after close, at once
   */
  write(text) {
    if (this.#closed) return Promise.resolve();
    this.#queue += text;
    this.#received += text.length;
    this.#rate = Math.max(this.#rate, 1 / SLOWEST_MS_PER_CHARACTER, this.#queue.length / REVEAL_WITHIN_MS);
    const drawn = this.#whenDrawn();
    if (this.#options.isHidden()) this.#resolveAll();
    else this.#requestFrame();
    return drawn;
  }

  /** Draws everything now, whatever the frame budget. @returns {Promise<void>} resolves with the next frame */
  flush() {
    if (this.#closed) return Promise.resolve();
    const drawn = this.#whenDrawn();
    this.#drawAtOnce(this.#queue.length);
    return drawn;
  }

  /** Stops. @returns {string} the text that was not drawn, for the caller to draw */
  take() {
    const rest = this.#queue;
    this.close();
    return rest;
  }

  /** Stops. Undrawn text is dropped; every writer's promise resolves. */
  close() {
    if (this.#closed) return;
    this.#closed = true;
    this.#unsubscribe();
    if (this.#frame !== null) this.#options.cancelFrame(this.#frame);
    this.#frame = null;
    this.#queue = "";
    this.#drawn = this.#received;
    this.#moveDrawn();
    this.#resolvePainted();
  }

  /** @returns {Promise<void>} */
  #whenDrawn() {
    return new Promise((resolve) => this.#waiting.push({ end: this.#received, resolve }));
  }

  #requestFrame() {
    if (this.#frame !== null || this.#closed) return;
    if (!this.#painting.length) this.#lastFrame = this.#options.now() - USUAL_FRAME_MS;
    this.#frame = this.#options.requestFrame(this.#onFrame);
  }

  #onFrame = () => {
    this.#frame = null;
    this.#resolvePainted();
    try {
      this.#drawFrame();
    } finally {
      this.#moveDrawn();
      if (this.#drawable || this.#painting.length) this.#requestFrame();
    }
  };

  #drawFrame() {
    const { now, reducedMotion } = this.#options;
    const start = now();
    const due = Math.ceil((start - this.#lastFrame) * this.#rate);
    let allowed = reducedMotion() ? this.#drawable : Math.min(this.#drawable, Math.max(1, due));
    this.#lastFrame = start;
    while (allowed > 0) {
      allowed -= this.#drawSlice(Math.min(allowed, SLICE_CHARACTERS));
      if (now() - start >= FRAME_BUDGET_MS) break;
    }
  }

  /** Draws that many characters, or one more to avoid splitting a character. @param {number} length */
  #drawSlice(length) {
    const whole = length < this.#drawable && endsOpen(this.#queue.slice(0, length)) ? length + 1 : length;
    const text = this.#queue.slice(0, whole);
    this.#queue = this.#queue.slice(whole);
    this.#drawn += text.length;
    if (!this.#drawable) this.#rate = 0;
    this.#options.draw(text);
    return text.length;
  }

  /** @param {number} length */
  #drawAtOnce(length) {
    try {
      if (length) this.#drawSlice(length);
    } finally {
      this.#moveDrawn();
      if (this.#options.isHidden()) this.#resolvePainted();
      else if (this.#painting.length) this.#requestFrame();
    }
  }

  /** The whole queue except half a character at its end, which is drawn together with its other half. */
  get #drawable() {
    return this.#queue.length - Number(endsOpen(this.#queue));
  }

  #moveDrawn() {
    const drawn = this.#drawable ? this.#drawn : this.#received;
    let count = 0;
    while (count < this.#waiting.length && this.#waiting[count].end <= drawn) count += 1;
    this.#painting.push(...this.#waiting.splice(0, count).map(({ resolve }) => resolve));
  }

  #resolveAll() {
    this.#painting.push(...this.#waiting.splice(0).map(({ resolve }) => resolve));
    this.#resolvePainted();
  }

  #resolvePainted() {
    for (const resolve of this.#painting.splice(0)) resolve();
  }
}

/** @returns {Required<Omit<PumpOptions, "draw">>} */
function pageDefaults() {
  return {
    requestFrame: (callback) => requestAnimationFrame(callback),
    cancelFrame: (id) => cancelAnimationFrame(id),
    now: () => performance.now(),
    isHidden: () => document.hidden,
    reducedMotion: () => matchMedia("(prefers-reduced-motion: reduce)").matches,
    onVisibilityChange(listener) {
      if (typeof document === "undefined") return () => {};
      document.addEventListener("visibilitychange", listener);
      return () => document.removeEventListener("visibilitychange", listener);
    },
  };
}
