import { ChatError } from "./errors.js";
import { warn } from "./warning.js";
import { isObject } from "./untrusted_input.js";

/**
 * @typedef {object} Decided what the person decided about calls of a waiting answer: a frame of the protocol
 * @property {"approve" | "answer"} type whether the model gets permission, or an answer to its question
 * @property {string} message_id the waiting answer
 * @property {Decision[]} [decisions] about all calls that ask for permission
 * @property {string} [call_id] of the question
 * @property {string} [text] the answer to it
 *
 * @typedef {{ call_id: string, decision: "allow" | "deny", scope?: "once" | "chat", note?: string }} Decision
 *
 * @typedef {object} Message a message from the user
 * @property {string} text
 * @property {string | null} [conversationId] null or absent: a new conversation
 * @property {string | null} [parentId] absent: the active leaf; "root": a new first message
 * @property {string | null} [assistant] slug
 * @property {string | null} [regenerateId] the saved question to regenerate the answer to, instead of a text
 * @property {string | null} [continueId] the saved answer to continue, instead of a text
 * @property {boolean | null} [tools] whether the model may use tools; absent: as the conversation remembers
 * @property {Decided | null} [decided] about calls of a waiting answer, instead of a text
 * @property {string} clientMessageId the idempotency key
 *
 * @typedef {Message & { queuedAt: number, runId?: string, sentTo?: string }} Entry `queuedAt` in milliseconds since
 *   the epoch; `runId` and `sentTo` (the conversation, new or existing) are set once the server has accepted the
 *   message
 * @typedef {{ runId: string, conversationId: string, clientMessageId: string, duplicate: boolean }} Sent
 * @typedef {import("./deliveries.js").Deliveries} Deliveries
 * @typedef {Pick<Storage, "getItem" | "setItem" | "removeItem">} OutboxStorage
 */

/**
 * With these codes the message's outcome is unknown: it stays, to be resent with the same id. A server that failed
 * halfway, or whose response makes no sense, may have started a turn.
 */
const KEPT = new Set(["closed", "server_error", "bad_response"]);

/**
 * Messages whose answer has not ended yet: until then nothing is saved, and a server crash loses them. They survive
 * reconnects and, with a storage, reloads.
 *
 * If the storage is full or forbidden, only reloads lose them.
 */
export class Outbox {
  #deliveries;
  #storage;
  #key;
  #timeZone;
  /** @type {Map<string, Entry>} */
  #entries = new Map();
  /** Ids of messages whose run the server no longer knows. @type {Set<string>} */
  #lost = new Set();
  /** Ids of all messages there have ever been. @type {Set<string>} */
  #known = new Set();

  /**
   * @param {Deliveries} deliveries
   * @param {OutboxStorage | null} storage
   * @param {string} key storage key: one per user, so that nobody sees another user's messages
   * @param {() => string} timeZone
   */
  constructor(deliveries, storage, key, timeZone) {
    this.#deliveries = deliveries;
    this.#storage = storage;
    this.#key = key;
    this.#timeZone = timeZone;
    for (const entry of entriesIn(this.#storage, key)) this.#remember(entry);
  }

  /**
   * Messages that no server has accepted, or that were lost with it; oldest first. Those with `sending: false` can be
   * resent with the same id, or discarded.
   */
  get entries() {
    return [...this.#entries.values()]
      .filter(({ runId, clientMessageId }) => !runId || this.#lost.has(clientMessageId))
      .map((entry) => ({ ...entry, sending: this.#deliveries.has(sendKey(entry.clientMessageId)) }));
  }

  /** Messages that a server has accepted and whose run, as far as is known here, has not ended. */
  get running() {
    return [...this.#entries.values()].filter(({ runId, clientMessageId }) => runId && !this.#lost.has(clientMessageId));
  }

  /**
   * @param {Entry} entry replaces one with the same id
   * @returns {Promise<Sent>}
   * @throws {ChatError}
   */
  async send(entry) {
    const { clientMessageId } = entry;
    const body = toWire(entry, this.#timeZone());
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
   * Adopts the stored messages of a page that is gone, except those already known here.
   *
   * @param {string | null} stored
   * @returns {Entry[]} the messages that were not known here
   */
  adopt(stored) {
    const added = entriesIn({ getItem: () => stored }, this.#key).filter(({ clientMessageId }) => !this.#known.has(clientMessageId));
    for (const entry of added) this.#remember(entry);
    this.#save();
    return added;
  }

  /** The run has ended: the server has what it keeps. @param {string} runId */
  ended(runId) {
    for (const entry of [...this.#entries.values()]) if (entry.runId === runId) this.#remove(entry.clientMessageId);
  }

  /**
   * The server does not know the run.
   *
   * @param {string} runId
   * @returns {boolean} whether a message of ours was lost with it
   */
  lost(runId) {
    const lost = this.running.filter((entry) => entry.runId === runId);
    for (const { clientMessageId } of lost) this.#lost.add(clientMessageId);
    return lost.length > 0;
  }

  /** Forgets a message. If it is in flight, it may still create a turn. @param {string} clientMessageId */
  discard(clientMessageId) {
    this.#remove(clientMessageId);
    const error = new ChatError({ code: "discarded", message: "The message was discarded." });
    this.#deliveries.cancel(sendKey(clientMessageId), error);
  }

  /** Discards every message, as `discard` does. */
  clear() {
    for (const clientMessageId of [...this.#entries.keys()]) this.discard(clientMessageId);
  }

  /**
   * A request without a text contains nothing of the user's that could be lost.
   *
   * @param {string} clientMessageId
   * @param {Sent} sent
   */
  #taken(clientMessageId, { runId, conversationId: sentTo }) {
    const entry = this.#entries.get(clientMessageId);
    if (entry?.text) this.#keep({ ...entry, runId, sentTo });
    else this.#remove(clientMessageId);
  }

  /** @param {Entry} entry replaces one with the same id */
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
      warn("could not store the outbox", error);
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
 * @param {string} timeZone
 * @returns {import("./transport.js").Body} the same for both transports
 */
function toWire({ clientMessageId, text, conversationId, parentId, regenerateId, continueId, assistant, tools = null, decided }, timeZone) {
  const zone = timeZone && { time_zone: timeZone };
  if (decided) return { ...decided, client_message_id: clientMessageId, ...zone };
  return {
    type: "send",
    client_message_id: clientMessageId,
    ...(!regenerateId && !continueId && { text }),
    ...(regenerateId && { regenerate_id: regenerateId }),
    ...(continueId && { continue_id: continueId }),
    ...(conversationId && { conversation_id: conversationId }),
    ...(parentId && { parent_id: parentId }),
    ...(assistant && { assistant }),
    ...zone,
    ...(tools !== null && { tools }),
  };
}

/** @param {string} clientMessageId */
function sendKey(clientMessageId) {
  return `send ${clientMessageId}`;
}
