import { ChatError } from "../client/errors.js";
import { warn } from "../client/warning.js";
import { gettext } from "../ui/i18n.js";
import { ConversationHistory } from "./conversation_history.js";
import { runOf } from "./live_runs.js";
import { errorText } from "../ui/error_text.js";
import { Sender } from "./sender.js";
import { TurnList } from "./turn_list.js";
import { Versions } from "./versions.js";

const NOT_FOUND = gettext("This conversation was deleted or belongs to someone else.");
const LOST = { code: "interrupted", message: gettext("The server went down while writing this answer."), retryable: true };
const LEFT_BEHIND = { code: "left_behind", message: gettext("You left the page before the server responded."), retryable: true };

/**
 * The conversation on the screen: its saved messages, and the turns that are being written.
 *
 * Says "change" (busy or empty changed), "identified" (`detail.before`: the id it had), "described"
 * (`detail.conversation`), "vanished" (all that it was has been dismissed), and "turn-started" and "turn-ended" (`detail`: turn, status). A closed one says and draws
 * nothing any more; its runs go on at the server.
 *
 * @typedef {import("./live_runs.js").Run} Run
 * @typedef {import("../client/outbox.js").Entry} Entry
 * @typedef {import("./turn.js").Turn} Turn
 */
export class OpenConversation extends EventTarget {
  #id;
  #options;
  #turns;
  #sender;
  #versions;
  /** @type {ConversationHistory} */
  #history;
  /** Whether the server has a row for it: not before its first turn has ended. */
  #saved = false;
  /** Whether the server keeps a question of it that has failed. */
  #begun = false;
  /** Nothing has been read yet: what runs is shown, wherever it stands. */
  #loading = true;
  /** What was said before stands on the screen. */
  #drawn = false;
  #listeners = new AbortController();
  #closed = false;

  /**
   * @param {string | null} id null: a new one
   * @param {object} options
   * @param {import("../client/chat_client.js").ChatClient} options.client
   * @param {import("../transcript/chat_transcript.js").ChatTranscript} options.transcript
   * @param {{ slug: string, name: string }[]} options.assistants
   * @param {() => string | null} options.assistant the slug of whoever is chosen to answer
   * @param {string | null} [options.messageId] the message to show of it; without one its end
   */
  constructor(id, options) {
    super();
    this.#id = id;
    this.#options = options;
    this.#history = this.#newHistory(id ?? "");
    this.#turns = new TurnList(options);
    this.#versions = new Versions({ history: () => this.#history, turns: this.#turns, transcript: options.transcript });
    this.#listen();
    this.#sender = new Sender({
      client: options.client,
      turns: this.#turns,
      target: () => (this.#saved || this.#begun ? this.#id : null),
      onShow: (turn) => this.#showSent(turn),
      onDrop: (turn) => this.#versions.drop(turn),
      onSent: (sent) => this.#identify(sent.conversationId),
    });
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
    const { client, transcript, messageId } = this.#options;
    transcript.clear();
    if (this.#id === null) return this.showUnsent();
    transcript.busy = true;
    try {
      const [found, runs] = await Promise.all([this.#history.load(messageId), client.request("GET", "/runs")]);
      if (this.#closed) return;
      this.#saved = found;
      this.showUnsent(); // Below what was said.
      await this.#showRuns(runs.items.filter((/** @type {any} */ run) => run.conversation_id === this.#id));
      const mayBeLost = client.outbox.running.some((entry) => this.#isOwn(entry));
      if (!this.#saved && this.#turns.empty && !mayBeLost) transcript.showProblem(NOT_FOUND, { gone: true });
    } catch (error) {
      if (!this.#closed) transcript.showProblem(errorText(/** @type {Error} */ (error)));
    } finally {
      if (!this.#closed) transcript.busy = false;
    }
  }

  /** Shows what other devices have added. Once it is closed, nobody needs to know why it could not. */
  async refresh() {
    if (!this.#saved || this.current) return;
    await this.#history.refresh(this.#isDrawn).catch((error) => {
      if (!this.#closed) throw error;
    });
  }

  loadOlder() {
    return this.#history.loadOlder();
  }

  loadNewer() {
    return this.#history.loadNewer();
  }

  showLatest() {
    return this.#history.showLatest();
  }

  /** A run that lives somewhere: followed below what was said, if it belongs here and is not followed yet. @param {Run} run */
  meet(run) {
    if (!this.#drawn || run.conversationId !== this.#id || this.#turns.knows(run) || this.#history.hasRun(run.runId)) return;
    this.#turns.add(run).follow(run.runId);
    this.#turns.changed();
  }

  /** @param {string} runId whether it is, or was, drawn here as it was written */
  follows(runId) {
    return this.#turns.hasRun(runId);
  }

  /** @param {{ text: string, assistant: string | null }} message @throws {ChatError} if it was refused */
  async send(message) {
    await this.showLatest();
    this.#history.uncover();
    await this.#sender.send({ ...message, parentId: this.#history.leaf });
  }

  /** Asks a question anew, in other words: beside it, as another version. @param {import("../message/chat_message.js").ChatMessage} question @param {string} text */
  async edit(question, text) {
    await this.#sender.send({ text, assistant: this.#options.assistant(), parentId: question.parentId ?? "root" }, { fork: true });
  }

  /** Answers a question once more. @param {import("../message/chat_message.js").ChatMessage} answer */
  async regenerate(answer) {
    await this.#answerAgain(answer.parentId);
  }

  /** Goes on with an answer that broke off. @param {import("../message/chat_message.js").ChatMessage} answer */
  async continue(answer) {
    const { messageId: continueId, parentId: questionId } = answer;
    if (continueId) await this.#sender.send({ text: "", assistant: null, continueId }, { questionId });
  }

  /** Shows another version of a message. @param {import("../message/chat_message.js").ChatMessage} shown @param {string} id */
  turnTo(shown, id) {
    return this.#versions.turnTo(shown, id);
  }

  stop() {
    return this.#sender.stop();
  }

  /**
   * What had arrived is saved before, and the new answer stands beside it: nothing that was read is lost.
   *
   * @param {EventTarget | null} message the element of either side of a turn
   * @throws {ChatError} if it was refused
   */
  async retry(message) {
    const turn = this.#turns.of(message);
    if (!turn || this.current) return;
    if (turn.state !== "ended" || !turn.answerText) return this.#sender.retry(turn, this.#options.assistant());
    try {
      await this.keep(message);
    } catch (error) {
      if (/** @type {ChatError} */ (error).code !== "not_found") throw error;
      // Its process has died, and its log with it: there is nothing for the new answer to stand beside.
      return this.#sender.retry(turn, this.#options.assistant());
    }
    await this.#answerAgain(turn.questionId);
  }

  /** What a person would lose if asking once more is refused: the words of a question that is not saved. @param {EventTarget | null} message */
  textOf(message) {
    const turn = this.#turns.of(message);
    return turn && !turn.followsQuestion && !turn.answerText ? turn.text : "";
  }

  /** @param {EventTarget | null} message @returns {string} its words */
  takeBack(message) {
    const turn = this.#turns.of(message);
    return turn ? this.#sender.takeBack(turn) : "";
  }

  /** Has a question that failed forgotten. @param {EventTarget | null} message @returns {Promise<string>} its words */
  async dismiss(message) {
    const turn = this.#turns.of(message);
    if (!turn?.runId) return "";
    await this.#options.client.request("DELETE", `/runs/${turn.runId}`).catch((error) => {
      if (error.code !== "not_found") throw error; // It was dismissed elsewhere.
    });
    this.forget(turn.runId);
    return turn.text;
  }

  /** A question that failed was dismissed. @param {string} runId */
  forget(runId) {
    const turn = this.#turns.withRun(runId);
    if (!turn || turn.busy) return;
    this.#sender.takeBack(turn);
    if (!this.#saved && this.#turns.empty) this.#tell("vanished", {});
  }

  /** Saves what had arrived before an error. @param {EventTarget | null} message */
  async keep(message) {
    const turn = this.#turns.of(message);
    if (!turn) return;
    await turn.keep();
    this.#saved = true;
    this.#versions.settle(turn);
  }

  close() {
    this.#closed = true;
    this.#listeners.abort();
    this.#sender.close();
    this.#history.close();
    this.#turns.close();
  }

  #listen() {
    const turns = this.#turns;
    this.#options.client.addEventListener("lost", () => this.showLeft(), { signal: this.#listeners.signal });
    turns.addEventListener("change", () => this.#tell("change", {}));
    turns.addEventListener("turn-grown", (event) => this.#versions.grow(detailOf(event).turn));
    turns.addEventListener("turn-started", (event) => this.#started(detailOf(event)));
    turns.addEventListener("turn-ended", (event) => this.#ended(detailOf(event)));
    turns.addEventListener("turn-mismatch", (event) => void this.#repair(detailOf(event)));
  }

  /** @param {string} id */
  #newHistory(id) {
    const onConversation = (/** @type {object} */ conversation) => this.#tell("described", { conversation });
    return new ConversationHistory(id, { ...this.#options, onConversation });
  }

  /** @param {string | null} questionId */
  async #answerAgain(questionId) {
    if (questionId) await this.#sender.send({ text: "", assistant: this.#options.assistant(), regenerateId: questionId }, { questionId });
  }

  /** A turn that was asked for here. @param {Turn} turn */
  #showSent(turn) {
    this.#tell("change", {}); // The first one brings the transcript onto the screen: what is not there has no size.
    const { continueId = null } = turn.request ?? {};
    const broken = this.#options.transcript.elementOf(continueId);
    if (broken) return this.#options.transcript.replace(broken, () => (this.#versions.show(turn), turn.head));
    this.#versions.show(turn);
    const question = turn.followsQuestion ? this.#options.transcript.elementOf(turn.questionId) : null;
    const head = question ?? turn.head;
    if (head) this.#options.transcript.pin(head);
  }

  /** @param {{ turn: Turn }} detail */
  #started(detail) {
    if (this.#closed) return;
    this.#versions.place(detail.turn, { fork: this.#loading });
    this.#loading = false;
    this.#tell("turn-started", detail);
  }

  /** @param {Record<string, any>[]} runs of this conversation, alive or ended a moment ago, newest first */
  async #showRuns(runs) {
    const unseen = runs.filter((run) => !this.#history.hasRun(run.run_id) && !this.#turns.hasRun(run.run_id));
    if (unseen.some(({ state }) => state === "completed" || state === "stopped")) await this.#readAgain();
    if (this.#closed) return;
    const live = unseen.find(({ state }) => state === "live");
    const last = unseen.find(({ state }) => state === "error");
    this.#begun ||= unseen.some(({ unanswered }) => unanswered);
    if (live) return this.meet(runOf(live));
    this.#loading = false;
    void this.#showFailed(unseen.reverse().filter((run) => run.unanswered || run === last).map(runOf));
  }

  /** @param {import("../message/branch_pages.js").Message} message */
  #isDrawn = ({ run_id: runId, client_message_id: clientMessageId }) =>
    this.#turns.knows({ runId: runId ?? "", clientMessageId: clientMessageId ?? "" });

  /** A turn was saved between two requests. */
  async #readAgain() {
    if (this.#saved) await this.#history.refresh(this.#isDrawn);
    else this.#saved = await this.#history.load();
  }

  /**
   * A failure stays to be read: the last that happened here for a while, and a question until it is answered or dismissed.
   * One after another, as each takes its place when it is heard.
   *
   * @param {Run[]} runs oldest first
   */
  async #showFailed(runs) {
    for (const run of runs) {
      if (this.#turns.knows(run)) continue;
      const turn = this.#turns.add(run);
      turn.follow(run.runId);
      await new Promise((ended) => turn.addEventListener("ended", ended, { once: true }));
    }
  }

  /** What has come to the outbox meanwhile, if it is not about to be shown below what was said before. */
  showLeft() {
    if (this.#drawn) this.showUnsent();
  }

  /** Messages of an earlier page load whose sending nobody has heard of, or which were lost with their server. */
  showUnsent() {
    this.#drawn = true;
    for (const entry of this.#options.client.outbox.entries) {
      const { sending, clientMessageId, runId = "" } = entry;
      if (sending || !this.#isOwn(entry) || this.#turns.knows({ runId, clientMessageId })) continue;
      // Nothing of a person's own is lost with it: it was answered after all, or can be asked for again where it stands.
      if (entry.regenerateId || entry.continueId || this.#history.hasQuestion(clientMessageId)) this.#options.client.outbox.discard(clientMessageId);
      else this.#showLeftBehind(entry);
    }
  }

  /** Where a new conversation was begun, and in the one that came of it. @param {Entry} entry */
  #isOwn({ conversationId = null, sentTo }) {
    return conversationId === this.#id || (sentTo !== undefined && sentTo === this.#id);
  }

  /** @param {Entry} entry */
  #showLeftBehind({ clientMessageId, text, assistant, parentId, runId }) {
    const turn = this.#turns.add({ clientMessageId, assistant });
    turn.showSending({ text, assistant, parentId });
    this.#options.transcript.showProblem("");
    this.#history.addElements(turn);
    turn.showUnsent(new ChatError(runId ? LOST : LEFT_BEHIND));
    this.#turns.changed();
  }

  /** @param {{ turn: Turn, status: string, code?: string }} detail */
  #ended(detail) {
    this.#loading = false;
    if (detail.status !== "error") {
      this.#saved = true;
      this.#versions.settle(detail.turn);
    } else if (!detail.turn.followsQuestion && detail.code !== "not_found") {
      this.#begun = true;
    }
    this.#tell("turn-ended", detail);
  }

  /** @param {{ turn: Turn, messageId: string }} mismatch */
  async #repair({ turn, messageId }) {
    try {
      const message = await this.#history.fetch(messageId);
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
    this.#history.close();
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
