import { systemClock } from "../client/clock.js";
import { errorText } from "../ui/error_text.js";

const WAIT_MS = 120;

/**
 * @typedef {{ text: string, match: boolean }} Segment
 *
 * @typedef {object} Hit as the API gives it
 * @property {import("../conversation/conversation_store.js").Conversation} conversation
 * @property {string | null} message_id null: its title was found
 * @property {string} role
 * @property {string} created_at
 * @property {Segment[]} title
 * @property {Segment[]} snippet
 *
 * @typedef {"idle" | "searching" | "ready" | "failed"} SearchState
 */

/**
 * What the server finds for the words that are being typed: asked for when the typing pauses, and page by page.
 *
 * Says "change". While the next answer is awaited the hits are those of the last one; an answer that comes late, for
 * words that have changed since, is nobody's.
 */
export class SearchFeed extends EventTarget {
  /** @type {Hit[]} */
  hits = [];
  /** @type {SearchState} */
  state = "idle";
  /** Why it failed. */
  problem = "";
  #client;
  #clock;
  #words = "";
  /** The words that the hits are an answer to. */
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

  /** The words that are searched for. */
  get words() {
    return this.#words;
  }

  /** Whether the hits are those of these words: all of them, or the first page. */
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

  /** Reads the next page, if there is one and nothing is being read. */
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
