import { MessageTree } from "./message_path.js";
import { savedMessage } from "./saved_message.js";

/** Messages drawn between two frames: enough to fill a screen at once, few enough not to hold up the page. */
const SLICE = 8;

/**
 * The saved messages of one conversation: read page by page, newest first, and drawn into the transcript.
 *
 * @typedef {import("./message_path.js").Message} Message
 */
export class ConversationHistory {
  #id;
  #client;
  #transcript;
  #assistants;
  #onConversation;
  #tree = new MessageTree();
  /** @type {string | null} */
  #leaf = null;
  /** @type {string | null} */
  #next = null;
  /** The messages of the path that are drawn already. */
  #drawn = new Set();
  #busy = false;
  #closed = false;

  /**
   * @param {string} id
   * @param {object} options
   * @param {import("./conversation_book.js").Requests} options.client
   * @param {import("./chat_transcript.js").ChatTranscript} options.transcript
   * @param {{ slug: string, name: string }[]} options.assistants
   * @param {(conversation: import("./conversation_book.js").Conversation) => void} options.onConversation
   */
  constructor(id, { client, transcript, assistants, onConversation }) {
    this.#id = id;
    this.#client = client;
    this.#transcript = transcript;
    this.#assistants = assistants;
    this.#onConversation = onConversation;
  }

  /** @returns {Promise<boolean>} false if there is no such conversation, or not yet */
  async load() {
    try {
      await this.#read();
    } catch (error) {
      if (/** @type {any} */ (error).code === "not_found") return false;
      throw error;
    }
    await this.#drawOlder();
    return true;
  }

  /** Draws what has been saved since. */
  async refresh() {
    await this.#read();
    if (this.#closed) return;
    const { messages } = this.#tree.path(this.#leaf);
    const shown = new Set(this.#transcript.messages.map(({ messageId }) => messageId));
    const last = messages.findLastIndex(({ id }) => shown.has(id));
    const fresh = messages.slice(last + 1);
    for (const { id } of messages.slice(0, last + 1)) this.#drawn.add(id);
    for (const { id } of fresh) this.#drawn.add(id);
    if (fresh.length) this.#transcript.addMessages(...fresh.map((message) => savedMessage(message, this.#assistants)));
  }

  /** Reads and draws the page before what is shown, if there is one. */
  async loadOlder() {
    if (this.#busy || !this.#next) return;
    this.#busy = true;
    try {
      const page = await this.#client.request("GET", `/conversations/${this.#id}/messages?cursor=${encodeURIComponent(this.#next)}`);
      this.#take(page);
      await this.#drawOlder();
    } finally {
      this.#busy = false;
    }
  }

  /** @param {string} runId */
  hasRun(runId) {
    return this.#tree.some((message) => message.run_id === runId);
  }

  /** @param {string} clientMessageId */
  hasSent(clientMessageId) {
    return this.#tree.some((message) => message.client_message_id === clientMessageId);
  }

  /** @param {string} messageId @returns {Promise<Message | null>} as the server has it */
  async fetch(messageId) {
    await this.#read();
    return this.#tree.get(messageId);
  }

  get leaf() {
    return this.#leaf;
  }

  close() {
    this.#closed = true;
  }

  async #read() {
    const [conversation, page] = await Promise.all([
      this.#client.request("GET", `/conversations/${this.#id}`),
      this.#client.request("GET", `/conversations/${this.#id}/messages`),
    ]);
    this.#leaf = conversation.active_leaf_id;
    this.#onConversation(conversation);
    this.#take(page, { keepPlace: this.#drawn.size > 0 });
  }

  /**
   * @param {{ items: Message[], next: string | null }} page
   * @param {{ keepPlace?: boolean }} [options] a page read again does not move the place of the older ones
   */
  #take({ items, next }, { keepPlace = false } = {}) {
    this.#tree.add(items);
    if (!keepPlace) this.#next = next;
  }

  async #drawOlder() {
    const { messages, missing } = this.#tree.path(this.#leaf);
    const waiting = messages.filter(({ id }) => !this.#drawn.has(id));
    while (waiting.length && !this.#closed) {
      const slice = waiting.splice(-SLICE);
      for (const { id } of slice) this.#drawn.add(id);
      this.#transcript.addOlder(...slice.map((message) => savedMessage(message, this.#assistants)));
      if (waiting.length) await nextFrame();
    }
    if (!this.#closed) this.#transcript.hasOlder = missing && this.#next !== null;
  }
}

function nextFrame() {
  // A hidden tab has no frames.
  return document.hidden ? Promise.resolve() : new Promise(requestAnimationFrame);
}
