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
 * The open conversation: its saved messages and the turns in progress.
 *
 * Fires "change" (busy or empty changed), "identified" (`detail.before`: its previous id), "described"
 * (`detail.conversation`), "vanished" (everything in it was dismissed), "turn-started" and "turn-ended" (`detail`:
 * turn, status). Once closed, it fires and draws nothing; its runs continue on the server.
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
  /** Whether the server has a row for it, which it gets when its first turn ends. */
  #saved = false;
  /** Whether the server keeps a failed question of it. */
  #begun = false;
  /** Nothing has been read yet: runs are shown wherever they belong. */
  #loading = true;
  /** The history is on the screen. */
  #drawn = false;
  #listeners = new AbortController();
  #closed = false;

  /**
   * @param {string | null} id null for a new one
   * @param {object} options
   * @param {import("../client/chat_client.js").ChatClient} options.client
   * @param {import("../transcript/chat_transcript.js").ChatTranscript} options.transcript
   * @param {{ slug: string, name: string }[]} options.assistants
   * @param {() => string | null} options.assistant the slug of the chosen assistant
   * @param {() => boolean | null} options.tools whether models may use tools; null: as the conversation remembers
   * @param {string | null} [options.messageId] the message to show; without one, the end
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
      tools: options.tools,
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

  /** Whether it is a new conversation without messages. */
  get empty() {
    return this.#id === null && this.#turns.empty;
  }

  /** The turn being sent or answered. */
  get current() {
    return this.#turns.current;
  }

  /** Reads and draws the history, and follows the live runs. */
  async load() {
    const { client, transcript, messageId } = this.#options;
    transcript.clear();
    if (this.#id === null) return this.showUnsent();
    transcript.busy = true;
    try {
      const [found, runs] = await Promise.all([this.#history.load(messageId), client.request("GET", "/runs")]);
      if (this.#closed) return;
      this.#saved = found;
      this.showUnsent(); // Below the history.
      await this.#showRuns(runs.items.filter((/** @type {any} */ run) => run.conversation_id === this.#id));
      const mayBeLost = client.outbox.running.some((entry) => this.#isOwn(entry));
      if (!this.#saved && this.#turns.empty && !mayBeLost) transcript.showProblem(NOT_FOUND, { gone: true });
    } catch (error) {
      if (!this.#closed) transcript.showProblem(errorText(/** @type {Error} */ (error)));
    } finally {
      if (!this.#closed) transcript.busy = false;
    }
  }

  /** Shows what other devices have added. After closing, errors are ignored. */
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

  /** Follows a live run below the history, if it belongs here and is not followed yet. @param {Run} run */
  meet(run) {
    if (!this.#drawn || run.conversationId !== this.#id || this.#turns.knows(run) || this.#history.hasRun(run.runId)) return;
    this.#turns.add(run).follow(run.runId);
    this.#turns.changed();
  }

  /** @param {string} runId @returns {boolean} whether it is, or was, drawn here while it was written */
  follows(runId) {
    return this.#turns.hasRun(runId);
  }

  /** @param {{ text: string, assistant: string | null }} message @throws {ChatError} if the server refuses it */
  async send(message) {
    await this.showLatest();
    this.#history.uncover();
    await this.#sender.send({ ...message, parentId: this.#history.leaf });
  }

  /**
   * Asks an edited question, as another version of the original.
   *
   * @param {import("../message/chat_message.js").ChatMessage} question
   * @param {string} text
   */
  async edit(question, text) {
    await this.#sender.send({ text, assistant: this.#options.assistant(), parentId: question.parentId ?? "root" }, { fork: true });
  }

  /** Answers a question again. @param {import("../message/chat_message.js").ChatMessage} answer */
  async regenerate(answer) {
    await this.#answerAgain(answer.parentId);
  }

  /** Continues an answer that was cut off. @param {import("../message/chat_message.js").ChatMessage} answer */
  async continue(answer) {
    const { messageId: continueId, parentId: questionId } = answer;
    if (continueId) await this.#sender.send({ text: "", assistant: null, continueId }, { questionId });
  }

  /**
   * Sends what the person decided about calls of a waiting answer. The answer of the run that goes on takes its place.
   *
   * @param {import("../message/chat_message.js").ChatMessage} waiting
   * @param {import("../client/outbox.js").Decided} decided
   * @throws {ChatError} if the server refuses it; the run that somebody else's answer has started is followed
   */
  async decide({ parentId: questionId }, decided) {
    try {
      await this.#sender.send({ text: "", decided }, { questionId });
    } catch (error) {
      const { runId } = /** @type {ChatError} */ (error);
      if (runId && this.#id) this.meet({ runId, conversationId: this.#id, clientMessageId: null, title: "" });
      throw error;
    }
  }

  /** @param {string} messageId @returns {Promise<import("../message/branch_pages.js").Message | null>} as saved on the server */
  fetch(messageId) {
    return this.#history.fetch(messageId);
  }

  /** Shows another version of a message. @param {import("../message/chat_message.js").ChatMessage} shown @param {string} id */
  turnTo(shown, id) {
    return this.#versions.turnTo(shown, id);
  }

  stop() {
    return this.#sender.stop();
  }

  /**
   * Saves what had arrived first; the new answer becomes another version, so nothing that was read is lost.
   *
   * @param {EventTarget | null} message an element of the turn: its question or its answer
   * @throws {ChatError} if the server refuses it
   */
  async retry(message) {
    const turn = this.#turns.of(message);
    if (!turn || this.current) return;
    if (turn.resumes) {
      this.#sender.takeBack(turn);
      return void this.#history.waiting?.dispatchEvent(new Event("message-reopen"));
    }
    if (turn.state !== "ended" || !turn.answerText) return this.#sender.retry(turn, this.#options.assistant());
    try {
      await this.keep(message);
    } catch (error) {
      if (/** @type {ChatError} */ (error).code !== "not_found") throw error;
      // The process that wrote it died, and its log with it: there is nothing to keep as another version.
      return this.#sender.retry(turn, this.#options.assistant());
    }
    await this.#answerAgain(turn.questionId);
  }

  /** The text the user would lose if a retry is refused: an unsaved question. @param {EventTarget | null} message */
  textOf(message) {
    const turn = this.#turns.of(message);
    return turn && !turn.followsQuestion && !turn.answerText ? turn.text : "";
  }

  /** @param {EventTarget | null} message @returns {string} its text */
  takeBack(message) {
    const turn = this.#turns.of(message);
    return turn ? this.#sender.takeBack(turn) : "";
  }

  /** Deletes a failed question. @param {EventTarget | null} message @returns {Promise<string>} its text */
  async dismiss(message) {
    const turn = this.#turns.of(message);
    if (!turn?.runId) return "";
    await this.#options.client.request("DELETE", `/runs/${turn.runId}`).catch((error) => {
      if (error.code !== "not_found") throw error; // It was dismissed elsewhere.
    });
    this.forget(turn.runId);
    return turn.text;
  }

  /** A failed question was dismissed. @param {string} runId */
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

  /** Shows a turn requested here. @param {Turn} turn */
  #showSent(turn) {
    this.#tell("change", {}); // The first one brings the transcript onto the screen: hidden elements have no size.
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

  /** @param {Record<string, any>[]} runs this conversation's runs, live or just ended, newest first */
  async #showRuns(runs) {
    const unseen = runs.filter((run) => !this.#history.hasRun(run.run_id) && !this.#turns.hasRun(run.run_id));
    if (unseen.some(({ state }) => state !== "live" && state !== "error")) await this.#readAgain();
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
   * A failure stays visible: the last one here for a while, and a failed question until it is answered or dismissed.
   * Shown one after another, because each takes its place when its events arrive.
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

  /** Shows new entries of the outbox, unless the loading history is about to show them. */
  showLeft() {
    if (this.#drawn) this.showUnsent();
  }

  /** Shows messages of an earlier page load that got no reply, or that were lost with their server. */
  showUnsent() {
    this.#drawn = true;
    for (const entry of this.#options.client.outbox.entries) {
      const { sending, clientMessageId, runId = "" } = entry;
      if (sending || !this.#isOwn(entry) || this.#turns.knows({ runId, clientMessageId })) continue;
      if (entry.decided) continue; // It is sent again by itself, see app/unsent_messages.js.
      // Nothing the user wrote is lost: it was answered after all, or can be requested again in its place.
      if (entry.regenerateId || entry.continueId || this.#history.hasQuestion(clientMessageId)) this.#options.client.outbox.discard(clientMessageId);
      else this.#showLeftBehind(entry);
    }
  }

  /** Whether it was sent from here: in the new conversation, or in the one that it became. @param {Entry} entry */
  #isOwn({ conversationId = null, sentTo }) {
    return conversationId === this.#id || (sentTo !== undefined && sentTo === this.#id);
  }

  /** @param {Entry} entry */
  #showLeftBehind({ clientMessageId, text, assistant, parentId, tools, runId }) {
    const turn = this.#turns.add({ clientMessageId, assistant });
    turn.showSending({ text, assistant, parentId, tools });
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
      warn("could not read the saved answer", error); // The next page load shows it.
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
