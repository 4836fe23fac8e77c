import { newClientMessageId } from "../client/client_message_id.js";

/**
 * @typedef {import("./turn.js").Turn} Turn
 * @typedef {import("./turn.js").Request} Request
 * @typedef {import("../client/outbox.js").Sent} Sent
 */

/** Sends a conversation's requests, retries them, and takes back messages that have not arrived. */
export class Sender {
  #client;
  #turns;
  #target;
  #tools;
  #onShow;
  #onDrop;
  #onSent;
  #closed = false;

  /**
   * @param {object} options
   * @param {import("../client/chat_client.js").ChatClient} options.client
   * @param {import("./turn_list.js").TurnList} options.turns
   * @param {() => string | null} options.target the conversation's id, if the server has it already
   * @param {() => boolean | null} options.tools whether the model may use tools; null: as the conversation remembers
   * @param {(turn: Turn) => void} options.onShow called to show a turn, when its first message exists
   * @param {(turn: Turn) => void} options.onDrop called before a turn that came to nothing is removed
   * @param {(sent: Sent) => void} options.onSent called before the answer is followed
   */
  constructor({ client, turns, target, tools, onShow, onDrop, onSent }) {
    this.#client = client;
    this.#turns = turns;
    this.#target = target;
    this.#tools = tools;
    this.#onShow = onShow;
    this.#onDrop = onDrop;
    this.#onSent = onSent;
  }

  /**
   * @param {Request} request
   * @param {{ questionId?: string | null, fork?: boolean }} [options] the saved question to answer again; whether the
   *   turn is another version of something
   * @throws {import("../client/errors.js").ChatError} if the server refuses it: then nothing of it stays on the screen
   */
  async send(request, { questionId = null, fork = questionId !== null } = {}) {
    const turn = this.#turns.add({ clientMessageId: newClientMessageId(), assistant: request.assistant });
    turn.questionId = questionId;
    turn.isFork = fork;
    turn.parentId = request.parentId === "root" ? null : request.parentId;
    turn.showSending(request);
    if (!request.decided) this.#onShow(turn);
    await this.#deliver(turn);
  }

  /**
   * Retries: as a new turn, or as the same one if its outcome is unknown.
   *
   * @param {Turn} turn
   * @param {string | null} assistant the assistant for a new turn
   */
  async retry(turn, assistant) {
    const request = turn.request ?? requestOf(turn);
    if (turn.state === "unsent") {
      turn.showSending(request);
      await this.#deliver(turn);
    } else {
      const { questionId, isFork: fork } = turn;
      this.takeBack(turn);
      await this.send({ ...request, assistant, tools: null }, { questionId, fork });
    }
  }

  /** @param {Turn} turn an unsent one, which is removed @returns {string} its text */
  takeBack(turn) {
    this.#drop(turn);
    if (turn.clientMessageId) this.#client.outbox.discard(turn.clientMessageId);
    return turn.text;
  }

  /** Stops the answer being written; takes back a message that has not arrived yet. */
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
      request.tools = this.#tools() ?? request.tools;
      const sent = await this.#client.send({ ...request, conversationId: this.#target(), clientMessageId });
      if (this.#closed) return;
      this.#onSent(sent);
      turn.follow(sent.runId);
    } catch (error) {
      if (this.#closed) throw error;
      const waits = this.#client.outbox.entries.some((entry) => entry.clientMessageId === clientMessageId);
      // A decision can be made again: only the first one counts. Unless the page is gone, then the next one sends it.
      if (request.decided && /** @type {any} */ (error).code !== "closed") this.#client.outbox.discard(clientMessageId);
      if (!waits || request.decided) {
        this.#drop(turn);
        throw error;
      }
      turn.showUnsent(/** @type {import("../client/errors.js").ChatError} */ (error));
    } finally {
      this.#turns.changed();
    }
  }
}

/** Reconstructs the request of a turn that was started elsewhere. @param {Turn} turn @returns {Request} */
function requestOf({ text, assistant, parentId, questionId, followsQuestion }) {
  return followsQuestion ? { text: "", assistant, regenerateId: questionId } : { text, assistant, parentId: parentId ?? "root" };
}
