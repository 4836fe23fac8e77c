import { leftByClosedTabs } from "./closed_tabs.js";

/** What was sent longer ago may be meant no longer: it waits where it stands, to be sent or taken back. */
const MEANT_FOR_MS = 24 * 60 * 60 * 1_000;

/**
 * Messages that were sent before this page was loaded, or in a tab that was closed, and that no server has answered.
 * They go out by themselves, once from here, under their old ids: whatever arrived in the meantime is not asked twice.
 *
 * @typedef {import("../client/outbox.js").Entry} Entry
 *
 * @typedef {object} Page
 * @property {() => Pick<import("./open_conversation.js").OpenConversation, "id" | "empty" | "showUnsent">} open
 * @property {() => Iterable<{ source: string }>} unsent the questions on the screen that nobody has
 * @property {(message: any) => unknown} retry sends such a question again, and tells why it was refused
 */
export class Leftovers {
  #client;
  #drafts;
  #storage;
  #entries;
  #now;
  #answerMs;

  /**
   * @param {object} options
   * @param {Pick<import("../client/chat_client.js").ChatClient, "outbox" | "send" | "adopt">} options.client
   * @param {import("./drafts.js").Drafts} options.drafts
   * @param {import("./tab_storage.js").TabStorage} options.storage of the outbox
   * @param {Entry[]} options.entries that were in the outbox when the page was loaded
   * @param {() => number} [options.now] in milliseconds since the epoch
   * @param {number} [options.answerMs] how long other pages may take to say that they are open
   */
  constructor({ client, drafts, storage, entries, now = Date.now, answerMs }) {
    this.#client = client;
    this.#drafts = drafts;
    this.#storage = storage;
    this.#entries = entries;
    this.#now = now;
    this.#answerMs = answerMs;
  }

  /** Call it when there is a connection, and what the open conversation has is on the screen. @param {Page} page */
  async send(page) {
    const own = this.#sendAll(this.#entries.splice(0), page);
    const adopted = await this.#adopt();
    const { id, empty } = page.open();
    if (!adopted.length) return own;
    // A new conversation that has just begun is not mixed with another one.
    if (id === null && !empty) return this.#sendElsewhere(adopted);
    page.open().showUnsent();
    await this.#sendAll(adopted, page);
  }

  async #adopt() {
    const adopted = [];
    for (const name of await leftByClosedTabs(this.#storage, this.#answerMs)) {
      adopted.push(...this.#client.adopt(this.#storage.browser.getItem(name)));
      this.#storage.browser.removeItem(name);
    }
    return adopted;
  }

  /** @param {Entry[]} entries @param {Page} page */
  #sendAll(entries, page) {
    const { id } = page.open();
    const meant = entries.filter((entry) => this.#isMeant(entry));
    for (const message of page.unsent()) if (meant.some(({ text }) => text === message.source)) page.retry(message);
    return this.#sendElsewhere(meant.filter(({ conversationId = null }) => conversationId !== id));
  }

  /** Those that do not stand on the screen. What is refused becomes a draft. @param {Entry[]} entries */
  async #sendElsewhere(entries) {
    await Promise.all(entries.filter((entry) => this.#isMeant(entry)).map((entry) => this.#send(entry)));
  }

  /** @param {Entry} entry */
  #isMeant({ queuedAt, runId }) {
    return !runId && queuedAt > this.#now() - MEANT_FOR_MS;
  }

  /** @param {Entry} entry */
  async #send(entry) {
    const waits = () => this.#client.outbox.entries.some(({ clientMessageId }) => clientMessageId === entry.clientMessageId);
    if (!waits()) return;
    try {
      await this.#client.send(entry);
    } catch {
      if (!waits() && entry.text) this.#drafts.giveBack(entry.conversationId ?? null, entry.text);
    }
  }
}
