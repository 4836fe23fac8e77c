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
 * @property {{ open: Pick<import("../conversation/open_conversation.js").OpenConversation, "id" | "empty" | "showLeft">, loaded: Promise<unknown>, showAddress: () => void }} view
 * @property {() => Iterable<{ source: string }>} unsent the questions on the screen that nobody has
 * @property {(message: any) => unknown} retry sends such a question again, and tells why it was refused
 * @property {(conversationId: string | null, text: string) => void} giveBack makes words a draft, where they were meant for
 */
export class UnsentMessages {
  #client;
  #storage;
  #entries;
  #now;
  #answerMs;

  /**
   * @param {object} options
   * @param {Pick<import("../client/chat_client.js").ChatClient, "outbox" | "send" | "adopt">} options.client
   * @param {import("../ui/tab_storage.js").TabStorage} options.storage of the outbox
   * @param {Entry[]} options.entries that were in the outbox when the page was loaded
   * @param {() => number} [options.now] in milliseconds since the epoch
   * @param {number} [options.answerMs] how long other pages may take to say that they are open
   */
  constructor({ client, storage, entries, now = Date.now, answerMs }) {
    this.#client = client;
    this.#storage = storage;
    this.#entries = entries;
    this.#now = now;
    this.#answerMs = answerMs;
  }

  /** Call it when there is a connection, and what the open conversation has is on the screen. @param {Page} page */
  async send(page) {
    const own = this.#sendAll(this.#entries.splice(0), page);
    const adopted = await this.#adopt();
    if (!adopted.length) return own;
    await page.view.loaded; // Somebody may have turned to another conversation meanwhile.
    const { id, empty } = page.view.open;
    // A new conversation that has just begun is not mixed with another one.
    if (id === null && !empty) return this.#sendElsewhere(adopted, page);
    page.view.open.showLeft();
    await this.#sendAll(adopted, page);
  }

  async #adopt() {
    const adopted = [];
    for (const name of await leftByClosedTabs(this.#storage, this.#answerMs)) {
      const stored = this.#storage.browser.getItem(name);
      this.#storage.browser.removeItem(name); // A storage that is full has no place for both.
      adopted.push(...this.#client.adopt(stored));
    }
    return adopted;
  }

  /** @param {Entry[]} entries @param {Page} page */
  #sendAll(entries, page) {
    const { id } = page.view.open;
    const meant = entries.filter((entry) => this.#isMeant(entry));
    const unsent = [...page.unsent()];
    // Several new conversations would become one on the screen.
    const apart = id === null && unsent.length > 1;
    const here = apart ? [] : meant.filter(({ text, conversationId = null }) => conversationId === id && unsent.some(({ source }) => source === text));
    for (const message of unsent) if (here.some(({ text }) => text === message.source)) page.retry(message);
    const sent = this.#sendElsewhere(meant.filter((entry) => !here.includes(entry)), page);
    if (apart && meant.length) page.view.showAddress();
    return sent;
  }

  /** Those that do not stand on the screen. What is refused becomes a draft. @param {Entry[]} entries @param {Page} page */
  async #sendElsewhere(entries, page) {
    await Promise.all(entries.filter((entry) => this.#isMeant(entry)).map((entry) => this.#send(entry, page)));
  }

  /** @param {Entry} entry */
  #isMeant(entry) {
    return !entry.runId && entry.queuedAt > this.#now() - MEANT_FOR_MS && this.#waits(entry);
  }

  /** Nobody has taken it back meanwhile, or logged out. @param {Entry} entry */
  #waits({ clientMessageId }) {
    return this.#client.outbox.entries.some((entry) => entry.clientMessageId === clientMessageId);
  }

  /** @param {Entry} entry @param {Page} page */
  async #send(entry, page) {
    try {
      await this.#client.send(entry);
    } catch (error) {
      const gone = /** @type {import("../client/errors.js").ChatError} */ (error).code === "not_found";
      if (!this.#waits(entry) && entry.text) page.giveBack(gone ? null : (entry.conversationId ?? null), entry.text);
    }
  }
}
