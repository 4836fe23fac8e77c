/** What was sent longer ago may be meant no longer: it waits where it stands, to be sent or taken back. */
const MEANT_FOR_MS = 24 * 60 * 60 * 1_000;

/**
 * Messages that were sent before this page was loaded, and that no server has answered. They go out by themselves, under
 * their old ids: whatever arrived in the meantime is not asked twice.
 */
export class Leftovers {
  #client;
  #drafts;
  #entries;

  /**
   * @param {object} options
   * @param {Pick<import("../client/chat_client.js").ChatClient, "outbox" | "send">} options.client
   * @param {import("./drafts.js").Drafts} options.drafts
   * @param {number} [options.now] in milliseconds since the epoch
   */
  constructor({ client, drafts, now = Date.now() }) {
    this.#client = client;
    this.#drafts = drafts;
    this.#entries = client.outbox.entries.filter(({ queuedAt }) => queuedAt > now - MEANT_FOR_MS);
  }

  /** Whether such a message, standing on the screen, is to be sent again. @param {string} text of a question */
  has(text) {
    return this.#entries.some((entry) => entry.text === text);
  }

  /** Sends those that do not stand on the screen. What is refused becomes a draft. @param {string | null} openId */
  async sendElsewhere(openId) {
    const elsewhere = this.#entries.filter(({ conversationId = null }) => conversationId !== openId);
    await Promise.all(elsewhere.map((entry) => this.#send(entry)));
  }

  /** @param {import("../client/outbox.js").Entry} entry */
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
