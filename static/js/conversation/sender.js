import { newClientMessageId } from "../client/client_message_id.js";

/**
 * @typedef {import("./turn.js").Turn} Turn
 * @typedef {import("./turn.js").Request} Request
 * @typedef {import("../client/outbox.js").Sent} Sent
 */

/** Sends what a person asks for in one conversation, again if asked, and takes back what has not arrived. */
export class Sender {
  #client;
  #turns;
  #target;
  #onShow;
  #onDrop;
  #onSent;
  #closed = false;

  /**
   * @param {object} options
   * @param {import("../client/chat_client.js").ChatClient} options.client
   * @param {import("./turn_list.js").TurnList} options.turns
   * @param {() => string | null} options.target the conversation, if the server has it already
   * @param {(turn: Turn) => void} options.onShow called for a turn that is to be shown, with its first message
   * @param {(turn: Turn) => void} options.onDrop called before a turn goes that has come to nothing
   * @param {(sent: Sent) => void} options.onSent called before the answer is followed
   */
  constructor({ client, turns, target, onShow, onDrop, onSent }) {
    this.#client = client;
    this.#turns = turns;
    this.#target = target;
    this.#onShow = onShow;
    this.#onDrop = onDrop;
    this.#onSent = onSent;
  }

  /**
   * @param {Request} request
   * @param {{ questionId?: string | null, fork?: boolean }} [options] the saved question that is answered again; whether
   *   it is a version of something
   * @throws {import("../client/errors.js").ChatError} if it was refused: then nothing of it stays on the screen
   */
  async send(request, { questionId = null, fork = questionId !== null } = {}) {
    const turn = this.#turns.add({ clientMessageId: newClientMessageId(), assistant: request.assistant });
    turn.questionId = questionId;
    turn.isFork = fork;
    turn.parentId = request.parentId === "root" ? null : request.parentId;
    turn.showSending(request);
    this.#onShow(turn);
    await this.#deliver(turn);
  }

  /**
   * The same once more: a new turn, or the same one if nobody knows what became of it.
   *
   * @param {Turn} turn
   * @param {string | null} assistant who is to answer a new one
   */
  async retry(turn, assistant) {
    const request = turn.request ?? requestOf(turn);
    if (turn.state === "unsent") {
      turn.showSending(request);
      await this.#deliver(turn);
    } else {
      const { questionId, isFork: fork } = turn;
      this.takeBack(turn);
      await this.send({ ...request, assistant }, { questionId, fork });
    }
  }

  /** @param {Turn} turn one that nobody has, which is gone then @returns {string} its words */
  takeBack(turn) {
    this.#drop(turn);
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
  #drop(turn) {
    this.#onDrop(turn);
    this.#turns.drop(turn);
  }

  /** @param {Turn} turn */
  async #deliver(turn) {
    this.#turns.changed();
    const clientMessageId = /** @type {string} */ (turn.clientMessageId);
    const request = /** @type {Request} */ (turn.request);
    try {
      const sent = await this.#client.send({ ...request, conversationId: this.#target(), clientMessageId });
      if (this.#closed) return;
      this.#onSent(sent);
      turn.follow(sent.runId);
    } catch (error) {
      if (this.#closed) throw error;
      const waits = this.#client.outbox.entries.some((entry) => entry.clientMessageId === clientMessageId);
      if (!waits) {
        this.#drop(turn);
        throw error;
      }
      turn.showUnsent(/** @type {import("../client/errors.js").ChatError} */ (error));
    } finally {
      this.#turns.changed();
    }
  }
}

/** What a turn must have been asked for that was begun elsewhere. @param {Turn} turn @returns {Request} */
function requestOf({ text, assistant, parentId, questionId, followsQuestion }) {
  return followsQuestion ? { text: "", assistant, regenerateId: questionId } : { text, assistant, parentId: parentId ?? "root" };
}
