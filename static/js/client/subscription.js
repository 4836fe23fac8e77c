import { formatCursor, parseCursor } from "./cursor.js";
import { LogReader } from "./log_reader.js";
import { warn } from "./warning.js";

/**
 * @typedef {import("./untrusted_input.js").RunEvent} RunEvent
 * @typedef {import("./errors.js").ChatError} ChatError
 *
 * @typedef {"ended" | "closed" | string} End the run ended; the page stopped following; or the code of the error that
 *   prevents following the run
 *
 * @typedef {object} Accepted the result of accepting a frame of events
 * @property {Promise<void>} applied resolves when `onEvents` is done with these events; never rejects
 * @property {boolean} gap the feed does not continue at the cursor: request the run again from `cursor`
 */

/**
 * One followed run: delivers each event exactly once and in order, whatever the transport does underneath.
 *
 * `onEvents` is called synchronously as events arrive, possibly before the promise from its last call has resolved.
 * That promise means "painted" and paces the server. The subscription ends by itself after `done` or `error`.
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
   * @param {string | null} [options.after] the cursor to resume from; without it, from the start
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

  /** The cursor of the last event passed to `onEvents`; null before the first. @returns {string | null} */
  get cursor() {
    return formatCursor(this.#reader.cursor);
  }

  get open() {
    return this.#open;
  }

  /** Stops following. The run itself continues: only `stop` stops it. */
  close() {
    this.#end("closed");
  }

  // The rest is for the transports.

  /** A feed begins, at the cursor or, with `fromStart`, at the first event of the run. */
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
   * The cursor is invalid: the page discards its text and the run is read from the start.
   *
   * @param {string} reason
   */
  restart(reason) {
    void this.#hand([this.#reader.restart(reason)]);
  }

  /**
   * The run cannot be followed (unknown, forbidden): reports it to the page as an `error` event.
   *
   * @param {ChatError} error
   */
  fail({ code, message, retryable }) {
    void this.#hand([{ id: null, event: "error", data: { code, message, retryable } }]);
    this.#end(code);
  }

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
