import { ChatError } from "../client/errors.js";
import { warn } from "../client/warning.js";
import { ConversationHistory } from "./conversation_history.js";
import { runOf } from "./live_runs.js";
import { Sender } from "./sender.js";
import { TurnList } from "./turn_list.js";

const NOT_FOUND = "This conversation was deleted, or it belongs to somebody else.";
const LEFT_BEHIND = { code: "no_answer", message: "The page was left before the server had answered.", retryable: true };

/**
 * The conversation on the screen: its saved messages, and the turns that are being written.
 *
 * Says "change" (busy or empty changed), "identified" (`detail.before`: the id it had), "described"
 * (`detail.conversation`), and "turn-started" and "turn-ended" (`detail`: turn, status). A closed one says and draws
 * nothing any more; its runs go on at the server.
 *
 * @typedef {import("./live_runs.js").Run} Run
 */
export class OpenConversation extends EventTarget {
  #id;
  #options;
  #turns;
  #sender;
  /** @type {ConversationHistory | null} */
  #history;
  /** Whether the server has a row for it: not before its first turn has ended. */
  #saved = false;
  #closed = false;

  /**
   * @param {string | null} id null: a new one
   * @param {object} options
   * @param {import("../client/chat_client.js").ChatClient} options.client
   * @param {import("./chat_transcript.js").ChatTranscript} options.transcript
   * @param {{ slug: string, name: string }[]} options.assistants
   * @param {string | null} [options.messageId] the message to show of it; without one its end
   */
  constructor(id, options) {
    super();
    this.#id = id;
    this.#options = options;
    this.#history = id === null ? null : this.#newHistory(id);
    this.#turns = new TurnList(options);
    this.#turns.addEventListener("change", () => this.#tell("change", {}));
    this.#turns.addEventListener("turn-started", (event) => this.#tell("turn-started", detailOf(event)));
    this.#turns.addEventListener("turn-ended", (event) => this.#ended(detailOf(event)));
    this.#turns.addEventListener("turn-mismatch", (event) => void this.#repair(detailOf(event)));
    const target = () => (this.#saved ? this.#id : null);
    this.#sender = new Sender({ client: options.client, turns: this.#turns, target, onSent: (sent) => this.#identify(sent.conversationId) });
  }

  get id() {
    return this.#id;
  }

  get closed() {
    return this.#closed;
  }

  /** A new conversation in which nothing was said. */
  get empty() {
    return this.#id === null && this.#turns.empty;
  }

  /** The turn that is being sent or answered. */
  get current() {
    return this.#turns.current;
  }

  /** Reads and draws what was said, and follows what is being said. */
  async load() {
    const { client, transcript } = this.#options;
    transcript.clear();
    this.#showUnsent();
    if (!this.#history) return;
    transcript.busy = true;
    try {
      const [found, runs] = await Promise.all([this.#history.load(), client.request("GET", "/runs")]);
      if (this.#closed) return;
      this.#saved = found;
      await this.#showRuns(runs.items.filter((/** @type {any} */ run) => run.conversation_id === this.#id));
      if (!this.#saved && this.#turns.empty) transcript.showProblem(NOT_FOUND);
    } catch (error) {
      if (!this.#closed) transcript.showProblem(/** @type {Error} */ (error).message);
    } finally {
      if (!this.#closed) transcript.busy = false;
    }
  }

  /** Shows what other devices have added. */
  async refresh() {
    if (this.#saved && !this.current) await this.#history?.refresh();
  }

  async loadOlder() {
    await this.#history?.loadOlder();
  }

  /** A run that lives somewhere: followed, if it belongs here and is not followed yet. @param {Run} run */
  meet(run) {
    if (run.conversationId !== this.#id || this.#turns.knows(run) || this.#history?.hasRun(run.runId)) return;
    this.#turns.add(run).follow(run.runId);
    this.#turns.changed();
  }

  /** @param {string} runId whether it is, or was, drawn here as it was written */
  follows(runId) {
    return this.#turns.hasRun(runId);
  }

  /** @param {{ text: string, assistant: string | null }} message @throws {ChatError} if it was refused */
  async send(message) {
    const sent = this.#sender.send(message);
    this.#options.transcript.showLatest();
    await sent;
  }

  stop() {
    return this.#sender.stop();
  }

  /** @param {EventTarget | null} message the element of either side of a turn @throws {ChatError} if it was refused */
  async retry(message) {
    const turn = this.#turns.of(message);
    if (turn) await this.#sender.retry(turn);
  }

  /** @param {EventTarget | null} message @returns {string} its words */
  takeBack(message) {
    const turn = this.#turns.of(message);
    return turn ? this.#sender.takeBack(turn) : "";
  }

  /** Saves what had arrived before an error. @param {EventTarget | null} message */
  async keep(message) {
    await this.#turns.of(message)?.keep();
    this.#saved = true;
  }

  close() {
    this.#closed = true;
    this.#sender.close();
    this.#history?.close();
    this.#turns.close();
  }

  /** @param {string} id */
  #newHistory(id) {
    const onConversation = (/** @type {object} */ conversation) => this.#tell("described", { conversation });
    return new ConversationHistory(id, { ...this.#options, onConversation });
  }

  /** @param {Record<string, any>[]} runs of this conversation, alive or ended a moment ago, newest first */
  async #showRuns(runs) {
    const unseen = runs.filter((run) => !this.#history?.hasRun(run.run_id));
    if (unseen.some(({ state }) => state === "completed" || state === "stopped")) await this.#readAgain();
    if (this.#closed) return;
    const live = unseen.find(({ state }) => state === "live");
    const failed = unseen.find(({ state }) => state === "error");
    if (live) this.meet(runOf(live));
    else if (failed) this.#showFailed(runOf(failed));
  }

  /** A turn was saved between two requests. */
  async #readAgain() {
    if (this.#saved) await this.#history?.refresh();
    else this.#saved = (await this.#history?.load()) ?? false;
  }

  /** A failure stays to be read for a while, if it is the last that happened here. @param {Run} run */
  #showFailed(run) {
    if (this.#turns.knows(run)) return;
    const turn = this.#turns.add(run);
    turn.addEventListener("started", (event) => {
      if (detailOf(event).parentId !== (this.#history?.leaf ?? null)) this.#turns.drop(turn);
    });
    turn.follow(run.runId);
  }

  /** Messages of an earlier page load whose sending nobody has heard of. */
  #showUnsent() {
    for (const { sending, conversationId = null, clientMessageId, assistant, text } of this.#options.client.outbox.entries) {
      if (sending || conversationId !== this.#id) continue;
      const turn = this.#turns.add({ clientMessageId, assistant });
      turn.showSending(text);
      turn.showUnsent(new ChatError(LEFT_BEHIND));
    }
  }

  /** @param {{ status: string }} detail */
  #ended(detail) {
    if (detail.status !== "error") this.#saved = true;
    this.#tell("turn-ended", detail);
  }

  /** @param {{ turn: import("./turn.js").Turn, messageId: string }} mismatch */
  async #repair({ turn, messageId }) {
    try {
      const message = await this.#history?.fetch(messageId);
      if (message && !this.#closed) turn.showSaved(message);
    } catch (error) {
      warn("the saved answer could not be read", error); // The next load of the page shows it.
    }
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

  /**
   * @param {string} type
   * @param {object} detail
   */
  #tell(type, detail) {
    if (!this.#closed) this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}

/** @param {Event} event @returns {any} */
function detailOf(event) {
  return /** @type {CustomEvent} */ (event).detail;
}
