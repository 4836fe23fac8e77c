import { ConversationPages, timeOf } from "./conversation_pages.js";

/**
 * @typedef {object} Conversation as returned by the API; `provisional` if not saved yet
 * @property {string} id
 * @property {string} title
 * @property {string | null} assistant
 * @property {string | null} active_leaf_id
 * @property {boolean} [pinned]
 * @property {boolean} [archived]
 * @property {boolean} [unread] an answer was saved that nobody has seen
 * @property {boolean} [tools] whether its models may use tools
 * @property {string} created_at
 * @property {string} updated_at
 * @property {boolean} [provisional]
 *
 * @typedef {{ request: (method: string, path: string, body?: unknown) => Promise<any> }} Requests
 * @typedef {{ title?: string, pinned?: boolean, archived?: boolean, unread?: boolean }} Changes
 */

/** The user's conversations, as far as they are known here. Fires "change". */
export class ConversationStore extends EventTarget {
  #client;
  /** Ids of conversations with failed questions, which can be retried or dismissed. @type {Set<string>} */
  unanswered = new Set();
  /** @type {Map<string, Conversation>} */
  #conversations = new Map();
  /** Deleted here or elsewhere: responses in flight since before that must not bring them back. */
  #deleted = new Set();
  #pages;
  #archive;
  #pinned;

  /** @param {Requests} client */
  constructor(client) {
    super();
    this.#client = client;
    this.#pages = new ConversationPages(client);
    this.#archive = new ConversationPages(client, { archived: "1" });
    this.#pinned = new ConversationPages(client, { pinned: "1" });
  }

  /** True when the last page has been read. */
  get complete() {
    return this.#pages.complete;
  }

  /** The same for the archive. */
  get archiveComplete() {
    return this.#archive.complete;
  }

  /** Conversations that are not archived, newest first. @returns {Conversation[]} */
  get all() {
    return this.#sorted(({ archived }) => !archived);
  }

  /** Newest first. @returns {Conversation[]} */
  get archived() {
    return this.#sorted(({ archived = false }) => archived);
  }

  /** @param {string | null} id */
  get(id) {
    return this.#conversations.get(id ?? "") ?? null;
  }

  /** Reads the next page and, with the first one, every pinned conversation, however old. */
  async loadMore() {
    const before = new Map(this.#conversations);
    const [page] = await Promise.all([this.#pages.more(), this.#loadPinned()]);
    this.#addRead(page, before);
  }

  async loadMoreArchived() {
    const before = new Map(this.#conversations);
    this.#addRead(await this.#archive.more(), before);
  }

  /** Rereads what is known, after a time in which notices may have been missed. */
  async refresh() {
    const before = new Map(this.#conversations);
    const deleted = [...this.#deleted];
    const oldest = Math.min(...this.all.filter(({ pinned }) => !pinned).map(timeOf));
    const [{ items, through }, pinned] = await Promise.all([this.#pages.again(oldest), this.#pinned.again(-Infinity)]);
    const there = new Set([...items, ...pinned.items].map(({ id }) => id));
    for (const [id, conversation] of before) {
      const isGone = !there.has(id) && !conversation.archived && !conversation.provisional && timeOf(conversation) >= through;
      if (isGone && this.#conversations.get(id) === conversation) this.#conversations.delete(id);
    }
    for (const id of deleted) if (there.has(id)) this.#deleted.delete(id); // Restored elsewhere.
    this.#addRead([...pinned.items, ...items], before);
  }

  /** @param {Conversation} conversation */
  put(conversation) {
    this.#deleted.delete(conversation.id);
    this.#conversations.set(conversation.id, conversation);
    this.#changed();
  }

  /**
   * A turn was started here. A conversation has no row on the server until its first turn is finished.
   *
   * @param {{ id: string, title: string, assistant?: string | null, tools?: boolean }} fields `tools` counts until then
   */
  expect({ id, title, assistant = null, tools }) {
    const now = new Date().toISOString();
    const known = this.#conversations.get(id) ?? { id, title, assistant, active_leaf_id: null, created_at: now, provisional: true };
    this.put({ ...known, ...(known.provisional && tools !== undefined && { tools }), updated_at: now });
  }

  /**
   * Shows the change at once, and reverts it if the server refuses it.
   *
   * @param {string} id
   * @param {Changes} changes
   */
  async change(id, changes) {
    const before = this.#conversations.get(id);
    if (!before || Object.entries(changes).every(([name, value]) => (/** @type {any} */ (before)[name] ?? false) === value)) return;
    const hoped = { ...before, ...changes };
    this.put(hoped);
    try {
      await this.save(id, changes);
    } catch (error) {
      if (this.#conversations.get(id) === hoped) this.put(before);
      throw error;
    }
  }

  /**
   * Shows the change once it is saved.
   *
   * @param {string} id
   * @param {Changes & { tools?: boolean }} changes
   */
  async save(id, changes) {
    const before = this.#conversations.get(id);
    const changed = await this.#client.request("PATCH", `/conversations/${id}`, changes);
    if (this.#conversations.get(id) === before) this.put(changed); // Otherwise a notice has brought something newer.
  }

  /** Can be undone with `restore` for some minutes. @param {string} id */
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

  /** It was never created: nothing of it was saved. @param {string} id */
  drop(id) {
    this.#forget(id);
  }

  /** @param {Record<string, any>} notice */
  notice({ kind, conversation, conversation_id: id, title }) {
    // A change made at the moment of the deletion may be reported after it.
    if (conversation && (kind === "conversation_restored" || !this.#deleted.has(conversation.id))) this.put(conversation);
    else if (kind === "conversation_deleted") this.#forget(id);
    else if (kind === "run_started" && !this.#deleted.has(id)) this.expect({ id, title });
  }

  async #loadPinned() {
    while (!this.#pinned.complete) {
      const before = new Map(this.#conversations);
      this.#addRead(await this.#pinned.more(), before);
    }
  }

  /** @param {(conversation: Conversation) => boolean} belongs */
  #sorted(belongs) {
    return [...this.#conversations.values()].filter(belongs).sort((a, b) => timeOf(b) - timeOf(a));
  }

  /**
   * Adds pages read from the server, except what a notice has changed since they were requested.
   *
   * @param {Conversation[]} read
   * @param {Map<string, Conversation>} before what was known when they were requested
   */
  #addRead(read, before) {
    for (const conversation of read) {
      const { id } = conversation;
      const known = this.#conversations.get(id);
      const isNews = known === before.get(id) || known?.provisional;
      if (isNews && !this.#deleted.has(id)) this.#conversations.set(id, conversation);
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
