import { leftByClosedTabs } from "./closed_tabs.js";

/** Older messages may no longer be wanted: they stay on the screen, to be sent or taken back. */
const MEANT_FOR_MS = 24 * 60 * 60 * 1_000;

/**
 * Messages sent before this page load, or in a tab since closed, that no server acknowledged. They are resent
 * automatically, once from here, with their old ids: one that did arrive is not asked twice.
 *
 * @typedef {import("../client/outbox.js").Entry} Entry
 *
 * @typedef {object} Page
 * @property {{ open: Pick<import("../conversation/open_conversation.js").OpenConversation, "id" | "empty" | "showLeft">, loaded: Promise<unknown>, showAddress: () => void }} view
 * @property {() => Iterable<{ source: string }>} unsent the unsent questions on the screen
 * @property {(message: any) => unknown} retry resends such a question, and reports why it was refused
 * @property {(conversationId: string | null, text: string) => void} giveBack saves text as a draft of the conversation
 *   it was meant for
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
   * @param {Entry[]} options.entries in the outbox at page load
   * @param {() => number} [options.now] in milliseconds since the epoch
   * @param {number} [options.answerMs] how long other pages have to say that they are open
   */
  constructor({ client, storage, entries, now = Date.now, answerMs }) {
    this.#client = client;
    this.#storage = storage;
    this.#entries = entries;
    this.#now = now;
    this.#answerMs = answerMs;
  }

  /** Call this once connected, with the open conversation's history on the screen. @param {Page} page */
  async send(page) {
    const own = this.#sendAll(this.#entries.splice(0), page);
    const adopted = await this.#adopt();
    if (!adopted.length) return own;
    await page.view.loaded; // The user may have opened another conversation in the meantime.
    const { id, empty } = page.view.open;
    // Do not mix messages into a new conversation that has just begun.
    if (id === null && !empty) return this.#sendElsewhere(adopted, page);
    page.view.open.showLeft();
    await this.#sendAll(adopted, page);
  }

  async #adopt() {
    const adopted = [];
    for (const name of await leftByClosedTabs(this.#storage, this.#answerMs)) {
      const stored = this.#storage.browser.getItem(name);
      this.#storage.browser.removeItem(name); // A full storage has no room for both.
      adopted.push(...this.#client.adopt(stored));
    }
    return adopted;
  }

  /** @param {Entry[]} entries @param {Page} page */
  #sendAll(entries, page) {
    const { id } = page.view.open;
    const meant = entries.filter((entry) => this.#isMeant(entry));
    // A question can be taken back where it is shown; a decision can be made again.
    for (const entry of entries) if (entry.decided && !meant.includes(entry)) this.#client.outbox.discard(entry.clientMessageId);
    const unsent = [...page.unsent()];
    // On the screen, several new conversations would become one.
    const apart = id === null && unsent.length > 1;
    const here = apart ? [] : meant.filter(({ text, conversationId = null }) => conversationId === id && unsent.some(({ source }) => source === text));
    for (const message of unsent) if (here.some(({ text }) => text === message.source)) page.retry(message);
    const sent = this.#sendElsewhere(meant.filter((entry) => !here.includes(entry)), page);
    if (apart && meant.length) page.view.showAddress();
    return sent;
  }

  /**
   * Sends entries that are not on the screen. Refused ones become drafts.
   *
   * @param {Entry[]} entries
   * @param {Page} page
   */
  async #sendElsewhere(entries, page) {
    await Promise.all(entries.filter((entry) => this.#isMeant(entry)).map((entry) => this.#send(entry, page)));
  }

  /** @param {Entry} entry */
  #isMeant(entry) {
    return !entry.runId && entry.queuedAt > this.#now() - MEANT_FOR_MS && this.#waits(entry);
  }

  /** Whether it is still waiting: not taken back, and the user not signed out. @param {Entry} entry */
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
