import { formatCursor, parseCursor } from "./cursor.js";
import { LogReader } from "./log_reader.js";
import { warn } from "./warning.js";

/**
 * @typedef {import("./untrusted_input.js").RunEvent} RunEvent
 * @typedef {import("./errors.js").ChatError} ChatError
 *
 * @typedef {"ended" | "closed" | string} End the run has no more to say; the page wants to hear no more; or the code of the
 *   error for which the run cannot be followed
 *
 * @typedef {object} Accepted what became of a frame of events
 * @property {Promise<void>} applied resolves, and never rejects, when `onEvents` is done with these events
 * @property {boolean} gap the feed does not continue at the cursor: ask for the run again from `cursor`
 */

/**
 * One followed run: its events, each exactly once and in order, whatever the transport does underneath.
 *
 * `onEvents` is called synchronously as events arrive, possibly before the promise of its last call has resolved. That
 * promise means "painted" and paces the server. After `done` or `error` the subscription has ended by itself.
 */
export class Subscription {
  #runId;
  #reader;
  #onEvents;
  #onEnd;
  #open = true;

  /**
   * @param {string} runId
   * @param {object} options
   * @param {string | null} [options.after] the cursor to go on from; without it from the start
   * @param {(events: RunEvent[]) => unknown} options.onEvents
   * @param {(subscription: Subscription, end: End) => void} options.onEnd called once
   */
  constructor(runId, { after = null, onEvents, onEnd }) {
    this.#runId = runId;
    this.#reader = new LogReader(parseCursor(after));
    this.#onEvents = onEvents;
    this.#onEnd = onEnd;
  }

  get runId() {
    return this.#runId;
  }

  /** Of the last event handed to `onEvents`, or null before the first. @returns {string | null} */
  get cursor() {
    return formatCursor(this.#reader.cursor);
  }

  get open() {
    return this.#open;
  }

  /** Follows no longer. The run itself goes on: only `stop` stops it. */
  close() {
    this.#end("closed");
  }

  // What follows is for the transports.

  /** A feed begins: from the cursor, or, with `fromStart`, from the first event of the run. */
  begin({ fromStart = false } = {}) {
    this.#reader.begin({ fromStart });
  }

  /**
   * @param {unknown[]} events
   * @returns {Accepted}
   */
  accept(events) {
    if (!this.#open) return { applied: Promise.resolve(), gap: false };
    const { fresh, gap } = this.#reader.read(events);
    const last = fresh.findIndex(isTerminal);
    const applied = this.#hand(last < 0 ? fresh : fresh.slice(0, last + 1));
    if (last >= 0) this.finish();
    return { applied, gap: gap && this.#open };
  }

  /**
   * The cursor is worthless: the page throws its text away and the run is read from the start.
   *
   * @param {string} reason
   */
  restart(reason) {
    void this.#hand([this.#reader.restart(reason)]);
  }

  /** The run cannot be followed (unknown, forbidden): said to the page as an `error` event. @param {ChatError} error */
  fail({ code, message, retryable }) {
    void this.#hand([{ id: null, event: "error", data: { code, message, retryable } }]);
    this.#end(code);
  }

  /** Nothing more will come. */
  finish() {
    this.#end("ended");
  }

  /** @param {End} end */
  #end(end) {
    if (!this.#open) return;
    this.#open = false;
    this.#onEnd(this, end);
  }

  /** @param {RunEvent[]} events */
  async #hand(events) {
    if (!events.length || !this.#open) return;
    try {
      await this.#onEvents(events);
    } catch (error) {
      warn("onEvents failed", error);
    }
  }
}

/** @param {RunEvent} event */
function isTerminal({ event }) {
  return event === "done" || event === "error";
}
