import { ChatError } from "./errors.js";
import { warn } from "./warning.js";
import { isObject } from "./untrusted_input.js";

/**
 * @typedef {object} Message what a person sends
 * @property {string} text
 * @property {string | null} [conversationId] null or absent: a new conversation
 * @property {string | null} [parentId] absent: the active leaf; "root": a new first message
 * @property {string | null} [assistant] slug
 * @property {string | null} [regenerateId] the saved question to answer again, instead of a text
 * @property {string | null} [continueId] the saved answer to go on with, instead of a text
 * @property {string} clientMessageId the idempotency key
 *
 * @typedef {Message & { queuedAt: number, runId?: string, sentTo?: string }} Entry `queuedAt` in milliseconds since the
 *   epoch; `runId` and `sentTo` (the conversation, new or not) are known once the server has taken the message
 * @typedef {{ runId: string, conversationId: string, clientMessageId: string, duplicate: boolean }} Sent
 * @typedef {import("./deliveries.js").Deliveries} Deliveries
 * @typedef {Pick<Storage, "getItem" | "setItem" | "removeItem">} OutboxStorage
 */

/**
 * With these nobody knows what became of the message: it stays, to be sent again under the same id. A server that has
 * failed in the middle of its work, or whose answer makes no sense, may have begun a turn.
 */
const KEPT = new Set(["closed", "server_error", "bad_response"]);

/**
 * Messages whose answer has not ended yet: until then nothing is saved, and a server may die with all it knew of them.
 * They survive reconnects and, with a storage, reloads.
 *
 * A storage that is full or forbidden costs only the latter.
 */
export class Outbox {
  #deliveries;
  #storage;
  #key;
  /** @type {Map<string, Entry>} */
  #entries = new Map();
  /** The ids of those whose run the server does not know any more. @type {Set<string>} */
  #lost = new Set();
  /** The ids of all that there ever were. @type {Set<string>} */
  #known = new Set();

  /**
   * @param {Deliveries} deliveries
   * @param {OutboxStorage | null} storage
   * @param {string} key of the storage: one per user, so that nobody is offered another person's words
   */
  constructor(deliveries, storage, key) {
    this.#deliveries = deliveries;
    this.#storage = storage;
    this.#key = key;
    for (const entry of entriesIn(this.#storage, key)) this.#remember(entry);
  }

  /**
   * Those that no server has taken, or that were lost with it; oldest first. Those with `sending: false` can be sent
   * again, with the same id, or discarded.
   */
  get entries() {
    return [...this.#entries.values()]
      .filter(({ runId, clientMessageId }) => !runId || this.#lost.has(clientMessageId))
      .map((entry) => ({ ...entry, sending: this.#deliveries.has(sendKey(entry.clientMessageId)) }));
  }

  /** Those that a server has taken, and whose run has not ended for all that is known here. */
  get running() {
    return [...this.#entries.values()].filter(({ runId, clientMessageId }) => runId && !this.#lost.has(clientMessageId));
  }

  /**
   * @param {Entry} entry takes the place of one with the same id
   * @returns {Promise<Sent>}
   * @throws {ChatError}
   */
  async send(entry) {
    const { clientMessageId } = entry;
    const body = toWire(entry);
    this.#lost.delete(clientMessageId);
    this.#keep({ ...entry, runId: undefined, sentTo: undefined });
    try {
      const sent = await this.#deliveries.add(sendKey(clientMessageId), (transport) => transport.send(body));
      this.#taken(clientMessageId, sent);
      return sent;
    } catch (error) {
      if (!(error instanceof ChatError && KEPT.has(error.code))) this.#remove(clientMessageId);
      throw error;
    }
  }

  /**
   * Takes in the messages of a page that is gone, as they were stored. What was here before is left out.
   *
   * @param {string | null} stored
   * @returns {Entry[]} those that are new here
   */
  adopt(stored) {
    const added = entriesIn({ getItem: () => stored }, this.#key).filter(({ clientMessageId }) => !this.#known.has(clientMessageId));
    for (const entry of added) this.#remember(entry);
    this.#save();
    return added;
  }

  /** The run has ended: what is to be kept of it is the server's. @param {string} runId */
  ended(runId) {
    for (const entry of [...this.#entries.values()]) if (entry.runId === runId) this.#remove(entry.clientMessageId);
  }

  /** The server does not know the run. @param {string} runId @returns {boolean} whether a message of ours is lost with it */
  lost(runId) {
    const lost = this.running.filter((entry) => entry.runId === runId);
    for (const { clientMessageId } of lost) this.#lost.add(clientMessageId);
    return lost.length > 0;
  }

  /** Forgets a message. One that is on its way may become a turn all the same. @param {string} clientMessageId */
  discard(clientMessageId) {
    this.#remove(clientMessageId);
    const error = new ChatError({ code: "discarded", message: "The message was discarded." });
    this.#deliveries.cancel(sendKey(clientMessageId), error);
  }

  /** Forgets all of them, as `discard` does. */
  clear() {
    for (const clientMessageId of [...this.#entries.keys()]) this.discard(clientMessageId);
  }

  /** What was only asked for again has nothing of a person's own to be lost. @param {string} clientMessageId @param {Sent} sent */
  #taken(clientMessageId, { runId, conversationId: sentTo }) {
    const entry = this.#entries.get(clientMessageId);
    if (entry?.text) this.#keep({ ...entry, runId, sentTo });
    else this.#remove(clientMessageId);
  }

  /** @param {Entry} entry takes the place of one with the same id */
  #keep(entry) {
    this.#remember(entry);
    this.#save();
  }

  /** @param {Entry} entry */
  #remember(entry) {
    this.#known.add(entry.clientMessageId);
    this.#entries.set(entry.clientMessageId, entry);
  }

  /** @param {string} clientMessageId */
  #remove(clientMessageId) {
    if (this.#entries.delete(clientMessageId)) this.#save();
  }

  #save() {
    try {
      if (this.#entries.size) this.#storage?.setItem(this.#key, JSON.stringify([...this.#entries.values()]));
      else this.#storage?.removeItem(this.#key);
    } catch (error) {
      warn("the outbox could not be stored", error);
    }
  }
}

/**
 * @param {Pick<OutboxStorage, "getItem"> | null} storage
 * @param {string} key
 * @returns {Entry[]}
 */
function entriesIn(storage, key) {
  try {
    const saved = JSON.parse(storage?.getItem(key) ?? "[]");
    return Array.isArray(saved) ? saved.filter(isEntry) : [];
  } catch {
    return [];
  }
}

/** @param {unknown} value @returns {value is Entry} */
function isEntry(value) {
  return isObject(value) && typeof value.clientMessageId === "string" && typeof value.text === "string";
}

/**
 * @param {Message} entry
 * @returns {Record<string, string>} the body of the request, the same for both transports
 */
function toWire({ clientMessageId, text, conversationId, parentId, regenerateId, continueId, assistant }) {
  return {
    client_message_id: clientMessageId,
    ...(!regenerateId && !continueId && { text }),
    ...(regenerateId && { regenerate_id: regenerateId }),
    ...(continueId && { continue_id: continueId }),
    ...(conversationId && { conversation_id: conversationId }),
    ...(parentId && { parent_id: parentId }),
    ...(assistant && { assistant }),
  };
}

/** @param {string} clientMessageId */
function sendKey(clientMessageId) {
  return `send ${clientMessageId}`;
}
