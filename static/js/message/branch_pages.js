/**
 * @typedef {object} Message as returned by the API
 * @property {string} id
 * @property {string | null} parent_id
 * @property {"user" | "assistant"} role
 * @property {string} text
 * @property {import("./part_kinds.js").Part[]} [parts] empty if the text is all there is
 * @property {string} [status]
 * @property {string | null} [finish_reason]
 * @property {string | null} [model]
 * @property {string | null} [assistant]
 * @property {string | null} [run_id]
 * @property {string | null} [client_message_id]
 * @property {number | null} [input_tokens]
 * @property {number | null} [output_tokens]
 * @property {number | null} [ttft_ms]
 * @property {number | null} [duration_ms]
 * @property {string[]} [siblings] all versions of the message, itself included, oldest first
 *
 * @typedef {object} Page a page of one branch, newest first
 * @property {Message[]} items
 * @property {string | null} next leads to older messages
 * @property {string | null} [previous] leads to newer ones
 * @property {string | null} [leaf_id] where the branch ends
 */

/** How many messages, counted from the end of a branch, are searched for a known one. */
const NEAR = 8;

/**
 * One branch of a conversation, read page by page in both directions. Draws nothing.
 *
 * A page that arrives after a switch to another branch is discarded, and its caller gets no messages.
 */
export class BranchPages {
  #client;
  #path;
  /** @type {string | null} */
  #older = null;
  /** @type {string | null} */
  #newer = null;
  /** @type {string | null} */
  #leaf = null;
  /** Counts branch switches, to detect late pages. */
  #branch = 0;

  /**
   * @param {string} id the conversation's id
   * @param {import("../conversation/conversation_store.js").Requests} client
   */
  constructor(id, client) {
    this.#client = client;
    this.#path = `/conversations/${id}/messages`;
  }

  /** The last message of the branch, whether read or not. */
  get leaf() {
    return this.#leaf;
  }

  set leaf(id) {
    this.#leaf = id;
  }

  get hasOlder() {
    return this.#older !== null;
  }

  get hasNewer() {
    return this.#newer !== null;
  }

  /** The end of the shown branch. @returns {Promise<Message[]>} oldest first, as everywhere here */
  open() {
    return this.#begin("branch=active");
  }

  /** The branch that contains a message, starting with the messages around it. @param {string} messageId */
  openAt(messageId) {
    return this.#begin(aroundOf(messageId));
  }

  /**
   * Like `openAt`, but for another branch that shares the messages above, which have been read already.
   *
   * @param {string} messageId
   */
  async turnAt(messageId) {
    const older = this.#older;
    const messages = await this.#begin(aroundOf(messageId));
    if (messages.length) this.#older = older;
    return messages;
  }

  /**
   * Reads the end of the server's current branch without moving the pages. Long messages make short pages, so it
   * continues up to the known leaf if that is near.
   *
   * @returns {Promise<{ leaf: string | null, messages: Message[] }>}
   */
  async peek() {
    const page = await this.#read("branch=active");
    const { items } = page;
    let { next } = page;
    while (next && items.length < NEAR && !items.some(({ id }) => id === this.#leaf)) {
      const above = await this.#readAt(next);
      items.push(...above.items);
      next = above.next;
    }
    return { leaf: leafOf(page), messages: items.toReversed() };
  }

  /** The page above what has been read. */
  async older() {
    const page = await this.#follow(this.#older);
    if (page) this.#older = page.next;
    return page?.items.toReversed() ?? [];
  }

  /** The page below what has been read. */
  async newer() {
    const page = await this.#follow(this.#newer);
    if (page) this.#newer = page.previous ?? null;
    return page?.items.toReversed() ?? [];
  }

  /** The shown branch now ends at this message: nothing below it will be read. @param {string | null} leaf */
  end(leaf) {
    this.#branch += 1;
    this.#newer = null;
    this.#leaf = leaf;
  }

  /** @param {string} query */
  async #begin(query) {
    const branch = (this.#branch += 1);
    const page = await this.#read(query);
    if (branch !== this.#branch) return [];
    this.#older = page.next;
    this.#newer = page.previous ?? null;
    this.#leaf = leafOf(page);
    return page.items.toReversed();
  }

  /** @param {string | null} cursor @returns {Promise<Page | null>} */
  async #follow(cursor) {
    if (cursor === null) return null;
    const branch = this.#branch;
    const page = await this.#readAt(cursor);
    return branch === this.#branch ? page : null;
  }

  /** @param {string} cursor */
  #readAt(cursor) {
    return this.#read(`branch=active&cursor=${encodeURIComponent(cursor)}`);
  }

  /** @param {string} query @returns {Promise<Page>} */
  #read(query) {
    return this.#client.request("GET", `${this.#path}?${query}`);
  }
}

/** @param {string} messageId */
function aroundOf(messageId) {
  return `around=${encodeURIComponent(messageId)}`;
}

/** @param {Page} page */
function leafOf({ leaf_id: leaf, items }) {
  return leaf ?? items[0]?.id ?? null;
}
