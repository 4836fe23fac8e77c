import { ChatError } from "../client/errors.js";
import { newClientMessageId } from "../client/client_message_id.js";
import { ConversationHistory } from "./conversation_history.js";
import { runOf } from "./live_runs.js";
import { Turn } from "./turn.js";

const NOT_FOUND = "This conversation was deleted, or it belongs to somebody else.";

/**
 * The conversation on the screen: its saved messages, and the turns that are being written.
 *
 * Says "change" (busy or empty changed), "identified" (`detail.before`: the id it had), and "turn-started" and
 * "turn-ended" (`detail.turn`, `detail.status`), and "described" (`detail.conversation`). A closed one touches nothing any more; its runs go on at the server.
 *
 * @typedef {import("./live_runs.js").Run} Run
 */
export class OpenConversation extends EventTarget {
  #id;
  #client;
  #transcript;
  #assistants;
  /** @type {ConversationHistory | null} */
  #history = null;
  /** @type {Turn[]} */
  #turns = [];
  /** Whether the server has a row for it: not before its first turn has ended. */
  #saved = false;
  #closed = false;

  /**
   * @param {string | null} id null: a new one
   * @param {object} options
   * @param {import("../client/chat_client.js").ChatClient} options.client
   * @param {import("./chat_transcript.js").ChatTranscript} options.transcript
   * @param {{ slug: string, name: string }[]} options.assistants
   */
  constructor(id, { client, transcript, assistants }) {
    super();
    this.#id = id;
    this.#client = client;
    this.#transcript = transcript;
    this.#assistants = assistants;
  }

  get id() {
    return this.#id;
  }

  get closed() {
    return this.#closed;
  }

  /** A new conversation in which nothing was said. */
  get empty() {
    return this.#id === null && this.#turns.length === 0;
  }

  /** The turn that is being sent or answered. */
  get current() {
    return this.#turns.findLast((turn) => turn.busy) ?? null;
  }

  /** Reads and draws what was said, and follows what is being said. */
  async load() {
    this.#transcript.clear();
    this.#showUnsent();
    if (this.#id === null) return;
    this.#transcript.busy = true;
    try {
      const [found, runs] = await Promise.all([this.#read(this.#id), this.#client.request("GET", "/runs")]);
      if (this.#closed) return;
      this.#saved = found;
      await this.#meetAll(runs.items.filter((/** @type {any} */ run) => run.conversation_id === this.#id));
      if (!found && !this.#turns.length) this.#transcript.showProblem(NOT_FOUND);
    } catch (error) {
      if (!this.#closed) this.#transcript.showProblem(/** @type {Error} */ (error).message);
    } finally {
      this.#transcript.busy = false;
    }
  }

  /** Shows what other devices have added. */
  async refresh() {
    if (!this.#history || !this.#saved || this.current) return;
    await this.#history.refresh();
  }

  /** @param {string} runId whether it is, or was, drawn here */
  follows(runId) {
    return this.#turns.some((turn) => turn.runId === runId);
  }

  loadOlder() {
    return this.#history?.loadOlder();
  }

  /**
   * Sends a message and follows its answer.
   *
   * @param {{ text: string, assistant: string | null }} message
   * @throws {ChatError} if it was refused: then nothing of it stays on the screen
   */
  async send({ text, assistant }) {
    const turn = this.#newTurn({ clientMessageId: newClientMessageId(), assistant });
    turn.showSending(text);
    this.#transcript.showLatest();
    await this.#deliver(turn);
  }

  /** A run that lives somewhere: followed, if it belongs here and is not followed yet. @param {Run} run */
  meet(run) {
    const known = this.#turns.some((turn) => turn.runId === run.runId || (turn.clientMessageId !== null && turn.clientMessageId === run.clientMessageId));
    if (run.conversationId !== this.#id || known || this.#history?.hasRun(run.runId)) return;
    this.#newTurn({ clientMessageId: run.clientMessageId }).follow(run.runId);
    this.#changed();
  }

  /** Stops the answer; a message that has not arrived yet is taken back. */
  async stop() {
    const turn = this.current;
    if (turn?.runId) await this.#client.stop(turn.runId);
    else if (turn?.clientMessageId) this.#client.outbox.discard(turn.clientMessageId);
  }

  /** The same words once more: a new turn, or the same one if nobody knows what became of it. @param {EventTarget | null} message */
  async retry(message) {
    const turn = this.#turns.find((candidate) => candidate.owns(message));
    if (!turn || this.current) return;
    if (turn.state === "unsent") {
      turn.showSending(turn.text);
      return this.#deliver(turn);
    }
    this.#drop(turn);
    return this.send({ text: turn.text, assistant: turn.assistant });
  }

  /** @param {EventTarget | null} message @returns {string} the words of an unsent message, which is gone then */
  takeBack(message) {
    const turn = this.#turns.find((candidate) => candidate.owns(message));
    if (!turn) return "";
    this.#drop(turn);
    if (turn.clientMessageId) this.#client.outbox.discard(turn.clientMessageId);
    return turn.text;
  }

  /** @param {EventTarget | null} message */
  async keep(message) {
    await this.#turns.find((turn) => turn.owns(message))?.keep();
    this.#saved = true;
  }

  close() {
    this.#closed = true;
    this.#history?.close();
    for (const turn of this.#turns) turn.close();
  }

  /** @param {Turn} turn */
  async #deliver(turn) {
    this.#changed();
    const conversationId = this.#saved ? this.#id : null;
    try {
      const sent = await this.#client.send({ text: turn.text, conversationId, assistant: turn.assistant, clientMessageId: /** @type {string} */ (turn.clientMessageId) });
      if (this.#closed) return;
      this.#identify(sent.conversationId);
      turn.follow(sent.runId);
    } catch (error) {
      if (this.#closed) throw error;
      const waits = this.#client.outbox.entries.some((entry) => entry.clientMessageId === turn.clientMessageId);
      if (!waits) {
        this.#drop(turn);
        throw error;
      }
      turn.showUnsent(/** @type {ChatError} */ (error));
    } finally {
      this.#changed();
    }
  }

  /** @param {string} id */
  #read(id) {
    this.#history ??= this.#newHistory(id);
    return this.#history.load();
  }

  /** @param {string} id */
  #newHistory(id) {
    return new ConversationHistory(id, {
      client: this.#client,
      transcript: this.#transcript,
      assistants: this.#assistants,
      onConversation: (conversation) => this.#tell("described", { conversation }),
    });
  }

  /** @param {Record<string, any>[]} runs of this conversation, alive or ended a moment ago */
  async #meetAll(runs) {
    const unseen = runs.filter((run) => !this.#history?.hasRun(run.run_id));
    if (unseen.some(({ state }) => state === "completed" || state === "stopped")) await this.#readAgain();
    if (this.#closed) return;
    const live = unseen.find(({ state }) => state === "live");
    const failed = unseen.find(({ state }) => state === "error");
    if (live) this.meet(runOf(live));
    else if (failed) this.#showFailed(runOf(failed));
  }

  /** It was saved between two requests. */
  async #readAgain() {
    if (this.#saved) await this.#history?.refresh();
    else this.#saved = (await this.#history?.load()) ?? false;
  }

  /** The failure of a run stays to be read for a while, if nothing has followed it. @param {Run} run */
  #showFailed(run) {
    const turn = this.#newTurn({ clientMessageId: run.clientMessageId });
    turn.addEventListener("started", (event) => {
      const { parentId } = /** @type {CustomEvent} */ (event).detail;
      if (parentId !== (this.#history?.leaf ?? null)) this.#drop(turn);
    });
    turn.follow(run.runId);
  }

  /** Messages of an earlier page load whose sending nobody has heard of. */
  #showUnsent() {
    for (const entry of this.#client.outbox.entries) {
      if (entry.sending || (entry.conversationId ?? null) !== this.#id) continue;
      const turn = this.#newTurn({ clientMessageId: entry.clientMessageId, assistant: entry.assistant ?? null });
      turn.showSending(entry.text);
      turn.showUnsent(new ChatError({ code: "no_answer", message: "The page was left before the server had answered.", retryable: true }));
    }
  }

  /** @param {{ clientMessageId: string | null, assistant?: string | null }} fields */
  #newTurn(fields) {
    const turn = new Turn({ client: this.#client, transcript: this.#transcript, assistants: this.#assistants, ...fields });
    this.#turns.push(turn);
    turn.addEventListener("started", () => this.#tell("turn-started", { turn }));
    turn.addEventListener("ended", (event) => this.#ended(turn, /** @type {CustomEvent} */ (event).detail));
    turn.addEventListener("mismatch", (event) => void this.#repair(turn, /** @type {CustomEvent} */ (event).detail.messageId));
    return turn;
  }

  /**
   * @param {Turn} turn
   * @param {{ status: string, code?: string }} end
   */
  #ended(turn, { status }) {
    if (status !== "error") this.#saved = true;
    this.#tell("turn-ended", { turn, status });
    this.#changed();
  }

  /**
   * @param {Turn} turn
   * @param {string} messageId
   */
  async #repair(turn, messageId) {
    const message = await this.#history?.fetch(messageId);
    if (message && !this.#closed) turn.showSaved(message);
  }

  /** @param {string} id */
  #identify(id) {
    const before = this.#id;
    if (before === id) return;
    this.#id = id;
    this.#history?.close();
    this.#history = this.#newHistory(id);
    this.#tell("identified", { before });
  }

  /** @param {Turn} turn */
  #drop(turn) {
    turn.remove();
    this.#turns = this.#turns.filter((other) => other !== turn);
    this.#changed();
  }

  /**
   * @param {string} type
   * @param {object} detail
   */
  #tell(type, detail) {
    if (!this.#closed) this.dispatchEvent(new CustomEvent(type, { detail }));
  }

  #changed() {
    this.#tell("change", {});
  }
}
