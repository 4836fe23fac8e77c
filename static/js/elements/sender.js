import { newClientMessageId } from "../client/client_message_id.js";

/**
 * @typedef {import("./turn.js").Turn} Turn
 * @typedef {import("../client/outbox.js").Sent} Sent
 */

/** Sends what a person writes in one conversation, again if asked, and takes back what has not arrived. */
export class Sender {
  #client;
  #turns;
  #target;
  #onSent;
  #closed = false;

  /**
   * @param {object} options
   * @param {import("../client/chat_client.js").ChatClient} options.client
   * @param {import("./turn_list.js").TurnList} options.turns
   * @param {() => string | null} options.target the conversation, if the server has it already
   * @param {(sent: Sent) => void} options.onSent called before the answer is followed
   */
  constructor({ client, turns, target, onSent }) {
    this.#client = client;
    this.#turns = turns;
    this.#target = target;
    this.#onSent = onSent;
  }

  /**
   * @param {{ text: string, assistant: string | null }} message
   * @throws {import("../client/errors.js").ChatError} if it was refused: then nothing of it stays on the screen
   */
  async send({ text, assistant }) {
    const turn = this.#turns.add({ clientMessageId: newClientMessageId(), assistant });
    turn.showSending(text);
    await this.#deliver(turn);
  }

  /** The same words once more: a new turn, or the same one if nobody knows what became of it. @param {Turn} turn */
  async retry(turn) {
    if (this.#turns.current) return;
    if (turn.state === "unsent") {
      turn.showSending(turn.text);
      await this.#deliver(turn);
    } else {
      this.#turns.drop(turn);
      await this.send(turn);
    }
  }

  /** @param {Turn} turn an unsent one, which is gone then @returns {string} its words */
  takeBack(turn) {
    this.#turns.drop(turn);
    if (turn.clientMessageId) this.#client.outbox.discard(turn.clientMessageId);
    return turn.text;
  }

  /** Stops the answer that is being written; a message that has not arrived yet is taken back. */
  async stop() {
    const turn = this.#turns.current;
    if (turn?.runId) await this.#client.stop(turn.runId);
    else if (turn?.clientMessageId) this.#client.outbox.discard(turn.clientMessageId);
  }

  close() {
    this.#closed = true;
  }

  /** @param {Turn} turn */
  async #deliver(turn) {
    this.#turns.changed();
    const { text, assistant } = turn;
    const clientMessageId = /** @type {string} */ (turn.clientMessageId);
    try {
      const sent = await this.#client.send({ text, conversationId: this.#target(), assistant, clientMessageId });
      if (this.#closed) return;
      this.#onSent(sent);
      turn.follow(sent.runId);
    } catch (error) {
      if (this.#closed) throw error;
      const waits = this.#client.outbox.entries.some((entry) => entry.clientMessageId === clientMessageId);
      if (!waits) {
        this.#turns.drop(turn);
        throw error;
      }
      turn.showUnsent(/** @type {import("../client/errors.js").ChatError} */ (error));
    } finally {
      this.#turns.changed();
    }
  }
}
