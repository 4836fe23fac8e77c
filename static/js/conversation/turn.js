import { answerLabel, ChatMessage, LiveAnswer, OWN_LABEL } from "../message/index.js";

const OUTCOMES = ["approval", "tool_result", "tool_error"];

/**
 * One question and its answer in progress; or the answer alone, when a saved question is answered again. It creates
 * the message elements; others decide whether and where to show them.
 *
 * Fires "grown" (one more message), "started" (its place is known), "ended" (`detail.status`: completed, stopped or
 * error; `detail.code` of an error), and "mismatch" (`detail.messageId`) if the drawn text differs from the saved
 * text.
 *
 * @typedef {"sending" | "live" | "ended" | "unsent"} TurnState
 *
 * @typedef {object} Request what was requested: a text, or a saved question or answer to answer again or continue
 * @property {string} text
 * @property {string | null} [assistant]
 * @property {string | null} [parentId] for a text: the answer it follows; "root": none
 * @property {string | null} [regenerateId] the question to answer again
 * @property {string | null} [continueId] the answer to continue
 * @property {import("../client/outbox.js").Decided} [decided] about calls of a waiting answer, which the run continues
 * @property {boolean | null} [tools] whether the model may use tools; absent: as the conversation remembers
 */
export class Turn extends EventTarget {
  /** @type {TurnState} */
  state = "sending";
  /** @type {string | null} */
  runId = null;
  text = "";
  /** The saved question being answered, or the one that was saved with the answer. @type {string | null} */
  questionId = null;
  /** The answer that it continues. @type {string | null} */
  continues = null;
  /** The answer that the question follows; undefined: not known yet. @type {string | null | undefined} */
  parentId = undefined;
  /** @type {Request | null} */
  request = null;
  /** Whether its model may use tools. */
  tools = true;
  /** Whether it was requested as another version, and replaces the shown one. */
  isFork = false;
  /** Whether it goes on where a waiting answer has ended. */
  resumes = false;
  #client;
  #assistants;
  /** @type {ChatMessage | null} */
  #question = null;
  /** @type {LiveAnswer | null} */
  #answer = null;
  /** @type {{ close(): void } | null} */
  #subscription = null;
  /** Shows it, once it says more than the waiting answer that it continues. @type {{ calls: () => string[], show: () => void } | null} */
  #held = null;

  /**
   * @param {object} options
   * @param {import("../client/chat_client.js").ChatClient} options.client
   * @param {{ slug: string, name: string }[]} options.assistants
   * @param {string | null} options.clientMessageId
   * @param {string | null} [options.assistant]
   */
  constructor({ client, assistants, clientMessageId, assistant = null }) {
    super();
    this.#client = client;
    this.#assistants = assistants;
    this.clientMessageId = clientMessageId;
    this.assistant = assistant;
  }

  get busy() {
    return this.state === "sending" || this.state === "live";
  }

  get answerText() {
    return this.#answer?.text ?? "";
  }

  /** Its messages so far. @returns {ChatMessage[]} */
  get elements() {
    return [this.#question, this.#answer?.element ?? null].filter((element) => element !== null);
  }

  /** Its first message: the one that can have other versions. */
  get head() {
    return this.elements[0] ?? null;
  }

  /** The saved message it follows; null if it is the first. */
  get after() {
    return this.#question ? (this.parentId ?? null) : this.questionId;
  }

  /** Whether it is only an answer, to a question saved before. */
  get followsQuestion() {
    return this.#question === null;
  }

  /** @param {EventTarget | null} target */
  owns(target) {
    return this.elements.some((element) => element === target);
  }

  /** Shows what was requested before the server has accepted it. @param {Request} request */
  showSending(request) {
    this.state = "sending";
    this.request = request;
    this.text = request.text;
    if (request.decided) return; // The waiting answer stays until there is more to show.
    if (request.regenerateId || request.continueId) this.#answers({});
    else this.#ask(request.text, "sending");
    for (const element of this.elements) element.clearFailure();
  }

  /**
   * As far as is known, the message did not arrive: it stays, to be resent with the same id.
   *
   * @param {import("../client/errors.js").ChatError} error
   */
  showUnsent(error) {
    this.state = "unsent";
    if (this.#question) this.#question.state = "failed";
    void this.#question?.showFailure(error, { unanswered: error.code !== "interrupted", returnable: true });
    if (!this.#question) this.#answer?.fail(error);
  }

  /** @param {string} runId */
  follow(runId) {
    this.state = "live";
    this.runId = runId;
    this.#subscription = this.#client.follow(runId, { after: null, onEvents: (events) => this.#apply(events) });
  }

  /**
   * It continues a waiting answer, and begins with all of it. Calls `show` once it says more: after the paint of the
   * first outcome of a call that waited, or of the end.
   *
   * @param {() => string[]} calls those that waited, as far as they are known by then
   * @param {() => void} show
   */
  hold(calls, show) {
    this.resumes = true;
    this.#held = { calls, show };
  }

  /** Stops following; what is drawn stays. */
  close() {
    this.#subscription?.close();
    this.#answer?.close();
  }

  remove() {
    this.close();
    for (const element of this.elements) element.remove();
  }

  /** Saves what had arrived before the error. @returns {Promise<import("../message/branch_pages.js").Message>} */
  async keep() {
    this.#answer?.wait();
    try {
      const message = await this.#client.request("POST", `/runs/${this.runId}/keep`);
      this.#saved(message.parent_id, message.id);
      this.showSaved(message);
      return message;
    } catch (error) {
      this.#answer?.fail(/** @type {any} */ (error));
      throw error;
    }
  }

  /** @param {import("../message/branch_pages.js").Message} message */
  showSaved(message) {
    this.#answer?.showSaved(message);
  }

  /** @param {import("../client/untrusted_input.js").RunEvent[]} events @returns {Promise<unknown>} after the paint */
  #apply(events) {
    const painted = Promise.all(events.map(({ event, data }) => this.#handlers[event]?.(data) ?? this.#answer?.events[event]?.(data)));
    const held = this.#held;
    if (!held) return painted;
    const calls = held.calls();
    const goesOn = events.some(({ event, data }) => OUTCOMES.includes(event) && (!calls.length || calls.includes(data.call_id)));
    if (!goesOn && this.state !== "ended") return painted;
    this.#held = null;
    return painted.then(held.show);
  }

  /** @type {Record<string, (data: Record<string, any>) => unknown>} */
  #handlers = {
    // @ts-expect-error -- null prototype: an event name must not match an inherited property
    __proto__: null,
    start: (data) => this.#start(data),
    done: (data) => this.#finish(data),
    error: (data) => this.#fail(data),
  };

  /** @param {Record<string, any>} data of `start`, which comes again if a new log begins */
  #start(data) {
    const { id, text, parent_id: parentId } = data.user_message;
    this.clientMessageId = data.client_message_id;
    this.assistant = data.assistant;
    this.tools = data.tools !== false;
    this.parentId = parentId ?? null;
    this.continues = data.continues ?? null;
    this.text = text;
    if (id) this.questionId = id;
    else this.#ask(text, "sent");
    this.#question?.showFooter();
    this.#answers(data);
    for (const element of this.elements) element.parentId = element.author === "user" ? (parentId ?? null) : this.questionId;
    this.dispatchEvent(new Event("started"));
  }

  /** @param {Record<string, any>} data of `done` */
  #finish(data) {
    const same = this.#answers({}).finish(data);
    this.#saved(data.parent_id, data.message_id);
    if (!same) this.dispatchEvent(new CustomEvent("mismatch", { detail: { messageId: data.message_id } }));
    this.#end({ status: data.status });
  }

  /**
   * @param {string} questionId
   * @param {string} answerId
   */
  #saved(questionId, answerId) {
    this.questionId = questionId;
    if (this.#question) {
      this.#question.messageId = questionId;
      this.#question.state = "completed";
    }
    const answer = this.#answers({}).element;
    answer.messageId = answerId;
    answer.parentId = questionId;
  }

  /** @param {Record<string, any>} data of `error` */
  #fail({ code, message, retryable, retry_after: retryAfter }) {
    this.#answers({}).fail({ code, message, retryable, retryAfter }, { dismissable: this.runId !== null && !this.followsQuestion });
    this.#end({ status: "error", code });
  }

  /** @param {{ status: string, code?: string }} detail */
  #end(detail) {
    this.state = "ended";
    this.dispatchEvent(new CustomEvent("ended", { detail }));
  }

  /**
   * @param {string} text
   * @param {"sending" | "sent"} state
   */
  #ask(text, state) {
    const question = this.#question ?? ChatMessage.create({ role: "user", label: OWN_LABEL, state });
    question.state = state;
    question.showQuestion(text);
    if (this.#question) return;
    this.#question = question;
    question.draftId = `question of ${this.clientMessageId}`;
    question.parentId = this.parentId ?? null;
    this.dispatchEvent(new Event("grown"));
  }

  /** @param {{ model?: string }} start @returns {LiveAnswer} the answer, started if necessary */
  #answers({ model }) {
    if (this.#answer) {
      if (model) this.#answer.identify(answerLabel({ assistant: this.assistant, model }, this.#assistants), model);
      return this.#answer;
    }
    this.#answer = new LiveAnswer(answerLabel({ assistant: this.assistant, model }, this.#assistants), { model });
    const { element } = this.#answer;
    if (this.runId) element.dataset.runId = this.runId;
    element.draftId = `answer of ${this.clientMessageId}`;
    element.parentId = this.questionId;
    this.dispatchEvent(new Event("grown"));
    return this.#answer;
  }
}
