import { formatCursor, parseCursor } from "./cursor.js";
import { warn } from "./warning.js";
import { isObject } from "./untrusted_input.js";

/**
 * @typedef {import("./cursor.js").Cursor} Cursor
 * @typedef {import("./untrusted_input.js").RunEvent} RunEvent
 */

/** Adjacent events of these types may arrive merged, under the id of the last: a jump in the seq is not a gap. */
const MERGEABLE = new Set(["token", "reasoning"]);

/** A gap that persists after this many repairs is not a transmission loss: the log, or the server, is like that. */
const REPAIRS = 3;

/**
 * Tracks a reader's position in the log of one run, across feeds that overlap, repeat events or have gaps.
 *
 * There are two positions: the cursor (what the page has) and the feed's position (what this feed has sent so far). A
 * merged event covers everything since the feed's last one, so it is accepted only if both are equal: otherwise the
 * page would already have part of its text. If they differ, the result is a gap, and the run is requested again from
 * the cursor.
 */
export class LogReader {
  /** @type {Cursor | null} */
  #cursor;
  /** The seq up to which the current feed has sent the log. */
  #feed;
  #first = true;
  /** The cursor at which gaps were reported, and how often. */
  #repairs = { at: "", count: 0 };

  /** @param {Cursor | null} cursor */
  constructor(cursor) {
    this.#cursor = cursor;
    this.#feed = cursor?.seq ?? 0;
  }

  /** @returns {Cursor | null} */
  get cursor() {
    return this.#cursor;
  }

  /** @param {{ fromStart: boolean }} options */
  begin({ fromStart }) {
    this.#feed = fromStart ? 0 : (this.#cursor?.seq ?? 0);
    this.#first = true;
  }

  /**
   * Forgets the cursor.
   *
   * @param {string} reason
   * @returns {RunEvent} the `reset` event for the page
   */
  restart(reason) {
    this.#move(null);
    return { id: null, event: "reset", data: { attempt: 1, reason } };
  }

  /**
   * @param {unknown[]} events
   * @returns {{ fresh: RunEvent[], gap: boolean }} the events the page does not have yet, up to the first gap
   */
  read(events) {
    /** @type {RunEvent[]} */
    const fresh = [];
    for (const event of events) {
      if (!isObject(event) || typeof event.event !== "string") {
        warn("ignored a malformed event");
        continue;
      }
      if (!this.#place(event, fresh)) return { fresh, gap: true };
    }
    return { fresh, gap: false };
  }

  /**
   * @param {Record<string, any>} event
   * @param {RunEvent[]} fresh
   * @returns {boolean} false if there is a gap
   */
  #place(event, fresh) {
    const position = parseCursor(event.id);
    const first = this.#first;
    this.#first = false;
    if (event.event === "reset" && this.#rewinds(position, first)) {
      this.#move(position);
    } else if (!position) {
      warn("ignored an event without a cursor:", event.event);
      return true;
    } else if (this.#cursor && position.epoch !== this.#cursor.epoch) {
      if (position.seq !== 1 && !this.#givesUpRepair()) return false;
      fresh.push(this.restart("new_log"));
      this.#move(position);
    } else {
      const seq = this.#cursor?.seq ?? 0;
      if (position.seq <= seq) {
        this.#feed = position.seq;
        return true;
      }
      if (this.#feed !== seq) return this.#overlap(fresh);
      if (position.seq > seq + 1 && !MERGEABLE.has(event.event) && !this.#givesUpRepair()) return false;
      this.#move(position);
    }
    if (isObject(event.data)) fresh.push(/** @type {RunEvent} */ (event));
    else warn("ignored an event with malformed data:", event.event);
    return true;
  }

  /**
   * Whether a `reset` is the server's reply to a cursor that it cannot honour, rather than an ordinary log entry.
   * After such a reply, the whole log follows from its first event.
   *
   * @param {Cursor | null} position
   * @param {boolean} first
   */
  #rewinds(position, first) {
    if (!position || position.epoch !== this.#cursor?.epoch) return true;
    return first && position.seq <= this.#cursor.seq;
  }

  /**
   * @param {RunEvent[]} fresh
   * @returns {false}
   */
  #overlap(fresh) {
    // The server keeps sending from elsewhere although we asked from the cursor: it does not honour cursors, so read
    // the log from the start.
    if (this.#givesUpRepair()) fresh.push(this.restart("overlap"));
    return false;
  }

  #givesUpRepair() {
    const at = formatCursor(this.#cursor) ?? "start";
    this.#repairs = { at, count: this.#repairs.at === at ? this.#repairs.count + 1 : 1 };
    return this.#repairs.count > REPAIRS;
  }

  /** @param {Cursor | null} position */
  #move(position) {
    this.#cursor = position;
    this.#feed = position?.seq ?? 0;
  }
}
