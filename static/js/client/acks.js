/** @typedef {import("./clock.js").Clock} Clock */

/** At most 20 acks a second: the server limits frames, and its 64 KiB window does not need more. */
const ACK_EVERY_MS = 50;
/**
 * A trickling answer needs even fewer: this many frames, of at most 8 KiB each, come nowhere near filling the window.
 */
const FEW_FRAMES = 6;
const ACK_FEW_AFTER_MS = 500;

/**
 * Sends cumulative acks for the painted frames of one socket.
 *
 * Frames may be applied in any order. The ack is the highest number up to which every received frame has been applied.
 * No number is sent twice, and none after `close()`.
 */
export class Acks {
  #send;
  #clock;
  /**
   * Received frames that are not acknowledged yet, in order of arrival: number → applied?
   *
   * @type {Map<number, boolean>}
   */
  #frames = new Map();
  #ready = 0;
  #unsent = 0;
  #sentAt = -Infinity;
  /** @type {unknown} */
  #timer = null;
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
