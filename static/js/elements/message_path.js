/**
 * @typedef {object} Message as the API gives it
 * @property {string} id
 * @property {string | null} parent_id
 * @property {"user" | "assistant"} role
 * @property {string} text
 * @property {string} [status]
 * @property {string | null} [finish_reason]
 * @property {string | null} [model]
 * @property {string | null} [assistant]
 * @property {string | null} [run_id]
 * @property {string | null} [client_message_id]
 * @property {number | null} [duration_ms]
 * @property {string} created_at
 */

/** The messages of one conversation, a tree of which one path is shown. Pages arrive newest first. */
export class MessageTree {
  /** @type {Map<string, Message>} */
  #messages = new Map();
  /** @type {string | null} */
  #newest = null;

  /** @param {Message[]} page */
  add(page) {
    for (const message of page) this.#messages.set(message.id, message);
    const newest = this.#newest && this.#messages.get(this.#newest);
    if (page.length && (!newest || Date.parse(page[0].created_at) >= Date.parse(newest.created_at))) this.#newest = page[0].id;
  }

  /** @param {string} id */
  get(id) {
    return this.#messages.get(id) ?? null;
  }

  /** @param {(message: Message) => boolean} test */
  some(test) {
    return [...this.#messages.values()].some(test);
  }

  /**
   * The path down to a leaf, oldest first. A leaf that is not known means the newest message.
   *
   * @param {string | null} leafId
   * @returns {{ messages: Message[], missing: boolean }} `missing`: older pages hold the beginning
   */
  path(leafId) {
    /** @type {Message[]} */
    const messages = [];
    /** @type {string | null} */
    let id = leafId && this.#messages.has(leafId) ? leafId : this.#newest;
    while (id) {
      const message = this.#messages.get(id);
      if (!message) return { messages: messages.reverse(), missing: true };
      messages.push(message);
      id = message.parent_id;
    }
    return { messages: messages.reverse(), missing: false };
  }
}
