/**
 * @typedef {object} Conversation as the API gives it; one that is not saved yet has `provisional`
 * @property {string} id
 * @property {string} title
 * @property {string | null} assistant
 * @property {string | null} active_leaf_id
 * @property {string} created_at
 * @property {string} updated_at
 * @property {boolean} [provisional]
 *
 * @typedef {{ request: (method: string, path: string, body?: unknown) => Promise<any> }} Requests
 */

/** The person's conversations, as far as they are known here. Says "change" when that changes. */
export class ConversationBook extends EventTarget {
  #client;
  /** @type {Map<string, Conversation>} */
  #conversations = new Map();
  /** Deleted here: a page of the list that was asked for before must not bring them back. */
  #deleted = new Set();
  /** @type {string | null} */
  #next = null;
  #complete = false;
  /** @type {Promise<void> | null} */
  #loading = null;

  /** @param {Requests} client */
  constructor(client) {
    super();
    this.#client = client;
  }

  /** True when the last page has been read. */
  get complete() {
    return this.#complete;
  }

  /** Newest first. @returns {Conversation[]} */
  get all() {
    return [...this.#conversations.values()].sort((a, b) => Date.parse(b.updated_at) - Date.parse(a.updated_at));
  }

  /** @param {string | null} id */
  get(id) {
    return this.#conversations.get(id ?? "") ?? null;
  }

  /** Reads the next page; a call while one is being read waits for that one. @returns {Promise<void>} */
  loadMore() {
    if (this.#complete) return Promise.resolve();
    this.#loading ??= this.#load().finally(() => (this.#loading = null));
    return this.#loading;
  }

  /** Reads the first page again, after a time in which notices may have been missed. */
  async refresh() {
    const page = await this.#client.request("GET", "/conversations");
    this.#add(page.items);
  }

  /** @param {Conversation} conversation */
  put(conversation) {
    this.#deleted.delete(conversation.id);
    this.#add([conversation]);
  }

  /** A turn was begun here. A conversation whose first turn is being written has no row yet. @param {{ id: string, title: string, assistant?: string | null }} fields */
  expect({ id, title, assistant = null }) {
    const now = new Date().toISOString();
    const known = this.#conversations.get(id);
    this.put(known ? { ...known, updated_at: now } : { id, title, assistant, active_leaf_id: null, created_at: now, updated_at: now, provisional: true });
  }

  /**
   * @param {string} id
   * @param {string} title
   */
  async rename(id, title) {
    const before = this.#conversations.get(id);
    if (!before || before.title === title) return;
    this.put({ ...before, title });
    try {
      this.put(await this.#client.request("PATCH", `/conversations/${id}`, { title }));
    } catch (error) {
      this.put(before);
      throw error;
    }
  }

  /** Can be taken back with `restore`, for some minutes. @param {string} id */
  async delete(id) {
    const before = this.#conversations.get(id);
    this.#forget(id);
    try {
      await this.#client.request("DELETE", `/conversations/${id}`);
    } catch (error) {
      if (before) this.put(before);
      throw error;
    }
  }

  /** @param {string} id */
  async restore(id) {
    this.put(await this.#client.request("POST", `/conversations/${id}/restore`));
  }

  /** It never came to be: nothing of it was saved. @param {string} id */
  drop(id) {
    this.#forget(id);
  }

  /** @param {Record<string, any>} notice */
  notice({ kind, conversation, conversation_id: id, title }) {
    if (conversation) this.put(conversation);
    else if (kind === "conversation_deleted") this.#forget(id);
    else if (kind === "run_started" && !this.#deleted.has(id)) this.expect({ id, title });
  }

  async #load() {
    const query = this.#next ? `?cursor=${encodeURIComponent(this.#next)}` : "";
    const page = await this.#client.request("GET", `/conversations${query}`);
    this.#next = page.next;
    this.#complete = !page.next;
    this.#add(page.items);
  }

  /** @param {Conversation[]} conversations */
  #add(conversations) {
    for (const conversation of conversations) {
      if (!this.#deleted.has(conversation.id)) this.#conversations.set(conversation.id, conversation);
    }
    this.#changed();
  }

  /** @param {string} id */
  #forget(id) {
    this.#deleted.add(id);
    if (this.#conversations.delete(id)) this.#changed();
  }

  #changed() {
    this.dispatchEvent(new Event("change"));
  }
}
