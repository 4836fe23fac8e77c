import { systemClock } from "../client/clock.js";
import { errorText } from "../ui/error_text.js";

const WAIT_MS = 120;

/**
 * @typedef {{ text: string, match: boolean }} Segment
 *
 * @typedef {object} Hit as returned by the API
 * @property {import("../conversation/conversation_store.js").Conversation} conversation
 * @property {string | null} message_id null if the title matched
 * @property {string} role
 * @property {string} created_at
 * @property {Segment[]} title
 * @property {Segment[]} snippet
 *
 * @typedef {"idle" | "searching" | "ready" | "failed"} SearchState
 */

/**
 * Server search for the text being typed: requests when typing pauses, and reads page by page.
 *
 * Fires "change". Until the next response arrives, the previous hits stay; a late response to an earlier query is
 * discarded.
 */
export class SearchFeed extends EventTarget {
  /** @type {Hit[]} */
  hits = [];
  /** @type {SearchState} */
  state = "idle";
  /** The error text. */
  problem = "";
  #client;
  #clock;
  #words = "";
  /** The query that the hits belong to. */
  #answered = "";
  /** @type {string | null} */
  #next = null;
  #asked = 0;
  /** @type {unknown} */
  #timer = null;

  /**
   * @param {import("../conversation/conversation_store.js").Requests} client
   * @param {import("../client/clock.js").Clock} [clock]
   */
  constructor(client, clock = systemClock) {
    super();
    this.#client = client;
    this.#clock = clock;
  }

  /** The current query. */
  get words() {
    return this.#words;
  }

  /** Whether the hits belong to the current query: all of them, or the first page. */
  get answered() {
    return this.#answered === this.#words;
  }

  /** @param {string} text */
  search(text) {
    const words = text.trim();
    if (words === this.#words && this.state !== "failed") return;
    this.#words = words;
    this.#asked += 1;
    this.#clock.clearTimeout(this.#timer);
    if (!words) return this.#become("idle", []);
    this.#become("searching", this.hits);
    this.#timer = this.#clock.setTimeout(() => void this.#read(null), WAIT_MS);
  }

  /** Reads the next page, if there is one and no request is in progress. */
  async more() {
    if (this.#next === null || this.state !== "ready") return;
    this.#become("searching", this.hits);
    await this.#read(this.#next);
  }

  /** @param {string | null} cursor */
  async #read(cursor) {
    const asked = ++this.#asked;
    const query = new URLSearchParams({ q: this.#words, ...(cursor && { cursor }) });
    try {
      const { items, next } = await this.#client.request("GET", `/search?${query}`);
      if (asked !== this.#asked) return;
      this.#next = next;
      this.#answered = this.#words;
      this.#become("ready", cursor ? [...this.hits, ...items] : items);
    } catch (error) {
      if (asked !== this.#asked) return;
      if (!cursor) this.#answered = "";
      this.problem = errorText(/** @type {Error} */ (error));
      this.#become("failed", cursor ? this.hits : []);
    }
  }

  /**
   * @param {SearchState} state
   * @param {Hit[]} hits
   */
  #become(state, hits) {
    this.state = state;
    this.hits = hits;
    this.dispatchEvent(new Event("change"));
  }
}
