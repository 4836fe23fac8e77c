/**
 * @typedef {import("./conversation_store.js").Conversation} Conversation
 * @typedef {import("./conversation_store.js").Requests} Requests
 * @typedef {{ items: Conversation[], next: string | null }} Page
 */

/** How far a list is read again after a lost connection; what lies beyond is read as it is scrolled to. */
const MOST_PAGES = 10;

/** One list of conversations at the server, read page by page, newest first. */
export class ConversationPages {
  #client;
  #filter;
  /** @type {string | null} */
  #next = null;
  #complete = false;
  /** @type {Promise<Conversation[]> | null} */
  #loading = null;
  /** Counts the readings from the top: a page that was asked for before one belongs nowhere. */
  #reading = 0;

  /**
   * @param {Requests} client
   * @param {Record<string, string>} [filter] of the address
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
   * A call while a page is being read waits for that one; what it holds is for the first.
   *
   * @returns {Promise<Conversation[]>} of the next page
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
   * @param {number} oldest milliseconds since the epoch: as far down as this is in the list
   * @returns {Promise<{ items: Conversation[], through: number }>} the whole list down to the time `through`
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

/** @param {Conversation} conversation when something was last said there, in milliseconds since the epoch */
export function timeOf({ updated_at: at }) {
  return Date.parse(at);
}
