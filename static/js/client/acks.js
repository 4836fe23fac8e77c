/** @typedef {import("./clock.js").Clock} Clock */

/** At most 20 acks a second: the server counts frames, and its window of 64 KiB needs no more. */
const ACK_EVERY_MS = 50;
/** The trickle of an answer needs fewer still: so few frames, of 8 KiB at most, are far from filling the window. */
const FEW_FRAMES = 6;
const ACK_FEW_AFTER_MS = 500;

/**
 * Says which frames of one socket are painted, cumulatively.
 *
 * Frames may be applied in any order; acknowledged is the highest number up to which every received frame
 * has been applied. No number is sent twice, and none after `close()`.
 */
export class Acks {
  #send;
  #clock;
  /** Frames received and not yet acknowledged, in order of arrival: number → applied? @type {Map<number, boolean>} */
  #frames = new Map();
  #ready = 0;
  #unsent = 0;
  #sentAt = -Infinity;
  /** @type {unknown} */
  #timer = null;
  /** When the timer fires. */
  #due = 0;

  /**
   * @param {(frame: number) => void} send
   * @param {Clock} clock
   */
  constructor(send, clock) {
    this.#send = send;
    this.#clock = clock;
  }

  /** @param {number} frame */
  received(frame) {
    this.#frames.set(frame, false);
  }

  /** @param {number} frame */
  applied(frame) {
    if (!this.#frames.has(frame)) return;
    this.#frames.set(frame, true);
    for (const [number, applied] of this.#frames) {
      if (!applied) break;
      this.#frames.delete(number);
      this.#ready = number;
      this.#unsent += 1;
    }
    if (this.#unsent > 0) this.#schedule();
  }

  close() {
    this.#clock.clearTimeout(this.#timer);
    this.#frames.clear();
  }

  #schedule() {
    const after = this.#unsent > FEW_FRAMES ? ACK_EVERY_MS : ACK_FEW_AFTER_MS;
    const due = this.#sentAt + after;
    if (this.#timer !== null && due >= this.#due) return;
    this.#clock.clearTimeout(this.#timer);
    this.#due = due;
    const wait = due - this.#clock.now();
    if (wait <= 0) this.#flush();
    else this.#timer = this.#clock.setTimeout(this.#flush, wait);
  }

  #flush = () => {
    this.#timer = null;
    this.#sentAt = this.#clock.now();
    this.#unsent = 0;
    this.#send(this.#ready);
  };
}
