/**
 * @typedef {import("./conversation_store.js").Conversation} Conversation
 * @typedef {import("./conversation_store.js").Requests} Requests
 * @typedef {{ items: Conversation[], next: string | null }} Page
 */

/** How many pages of a list are reread after a lost connection; the rest is read on scrolling. */
const MOST_PAGES = 10;

/** One list of conversations on the server, read page by page, newest first. */
export class ConversationPages {
  #client;
  #filter;
  /** @type {string | null} */
  #next = null;
  #complete = false;
  /** @type {Promise<Conversation[]> | null} */
  #loading = null;
  /** Counts reads from the top: a page requested before the latest one is discarded. */
  #reading = 0;

  /**
   * @param {Requests} client
   * @param {Record<string, string>} [filter] query parameters
   */
  constructor(client, filter = {}) {
    this.#client = client;
    this.#filter = filter;
  }

  /** True when the last page has been read. */
  get complete() {
    return this.#complete;
  }

  /**
   * A call while a page is being read waits for it; only the first caller gets its items.
   *
   * @returns {Promise<Conversation[]>} the next page
   */
  async more() {
    if (this.#complete) return [];
    if (this.#loading) return this.#loading.then(() => []);
    this.#loading = this.#more().finally(() => (this.#loading = null));
    return this.#loading;
  }

  /**
   * Reads from the top again.
   *
   * @param {number} oldest milliseconds since the epoch: how far down the list to read
   * @returns {Promise<{ items: Conversation[], through: number }>} the whole list down to time `through`
   */
  async again(oldest) {
    const reading = ++this.#reading;
    /** @type {Conversation[]} */
    const items = [];
    let next = null;
    let through = -Infinity;
    for (let count = 0; count < MOST_PAGES; count += 1) {
      const page = /** @type {Page} */ (await this.#get(next));
      items.push(...page.items);
      next = page.next;
      through = next === null ? -Infinity : timeOf(/** @type {Conversation} */ (items.at(-1)));
      if (through <= oldest) break;
    }
    if (reading === this.#reading) this.#at(next);
    return { items, through };
  }

  async #more() {
    const reading = this.#reading;
    const { items, next } = await this.#get(this.#next);
    if (reading === this.#reading) this.#at(next);
    return items;
  }

  /** @param {string | null} next */
  #at(next) {
    this.#next = next;
    this.#complete = next === null;
  }

  /** @param {string | null} cursor @returns {Promise<Page>} */
  #get(cursor) {
    const query = new URLSearchParams({ ...this.#filter, ...(cursor && { cursor }) }).toString();
    return this.#client.request("GET", `/conversations${query && `?${query}`}`);
  }
}

/**
 * @param {Conversation} conversation
 * @returns {number} the time of its last message, in milliseconds since the epoch
 */
export function timeOf({ updated_at: at }) {
  return Date.parse(at);
}
