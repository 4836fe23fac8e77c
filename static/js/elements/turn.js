import { answerLabel } from "./answer_note.js";
import { ChatMessage } from "./chat_message.js";
import { failureWords } from "./failure_words.js";
import { LiveAnswer } from "./live_answer.js";
import { OWN_LABEL } from "./saved_message.js";

/**
 * One question and its answer while it is being written.
 *
 * Says "started" (`detail.parentId`), "ended" (`detail.status`: completed, stopped or error; `detail.code` of an error),
 * and "mismatch" (`detail.messageId`) if what was drawn differs from what was saved.
 *
 * @typedef {"sending" | "live" | "ended" | "unsent"} TurnState
 */
export class Turn extends EventTarget {
  /** @type {TurnState} */
  state = "sending";
  /** @type {string | null} */
  runId = null;
  text = "";
  #client;
  #transcript;
  #assistants;
  /** @type {ChatMessage | null} */
  #question = null;
  /** @type {LiveAnswer | null} */
  #answer = null;
  /** @type {{ close(): void } | null} */
  #subscription = null;

  /**
   * @param {object} options
   * @param {import("../client/chat_client.js").ChatClient} options.client
   * @param {import("./chat_transcript.js").ChatTranscript} options.transcript
   * @param {{ slug: string, name: string }[]} options.assistants
   * @param {string | null} options.clientMessageId
   * @param {string | null} [options.assistant]
   */
  constructor({ client, transcript, assistants, clientMessageId, assistant = null }) {
    super();
    this.#client = client;
    this.#transcript = transcript;
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

  /** @param {EventTarget | null} target */
  owns(target) {
    return target !== null && (target === this.#question || target === this.#answer?.element);
  }

  /** Shows the words of a person before the server has them. @param {string} text */
  showSending(text) {
    this.state = "sending";
    this.#ask(text, "sending");
    this.#question?.failure.clear();
  }

  /** Nobody knows whether the message arrived: it stays, to be sent again under the same id. @param {import("../client/errors.js").ChatError} error */
  showUnsent(error) {
    this.state = "unsent";
    if (this.#question) this.#question.state = "failed";
    this.#question?.failure.show({ ...failureWords(error, { unanswered: true }), returnable: true });
  }

  /** @param {string} runId */
  follow(runId) {
    this.state = "live";
    this.runId = runId;
    this.#subscription = this.#client.follow(runId, { after: null, onEvents: (events) => this.#apply(events) });
  }

  /** Follows no longer; what is drawn stays. */
  close() {
    this.#subscription?.close();
    this.#answer?.close();
  }

  remove() {
    this.close();
    this.#question?.remove();
    this.#answer?.element.remove();
  }

  /** Saves what had arrived before the error. */
  async keep() {
    this.#answer?.wait();
    try {
      const message = await this.#client.request("POST", `/runs/${this.runId}/keep`);
      this.showSaved(message);
      if (this.#question) this.#question.messageId = message.parent_id;
    } catch (error) {
      this.#answer?.fail(/** @type {any} */ (error));
      throw error;
    }
  }

  /** @param {import("./message_path.js").Message} message */
  showSaved(message) {
    this.#answer?.showSaved(message);
  }

  /** @param {import("../client/wire.js").RunEvent[]} events @returns {Promise<unknown>} after the paint */
  #apply(events) {
    return Promise.all(events.map(({ event, data }) => this.#handlers[event]?.(data)));
  }

  /** @type {Record<string, (data: Record<string, any>) => unknown>} */
  #handlers = {
    // @ts-expect-error -- without the inherited names, which an event must not meet
    __proto__: null,
    start: (data) => this.#start(data),
    status: ({ text }) => this.#answer?.showStatus(text),
    reasoning: ({ text }) => this.#answer?.think(text),
    token: ({ text }) => this.#answer?.write(text),
    tool_start: ({ tool }) => this.#answer?.showStatus(`Using ${tool}…`),
    tool_error: ({ tool }) => this.#answer?.showStatus(`${tool} did not work; going on…`),
    reset: () => this.#answer?.reset(),
    done: (data) => this.#finish(data),
    error: (data) => this.#fail(data),
  };

  /** @param {Record<string, any>} data of `start`, which comes again if a new log is begun */
  #start(data) {
    this.clientMessageId = data.client_message_id;
    this.assistant = data.assistant;
    this.#ask(data.user_message.text, "sent");
    this.#question?.showFooter("");
    this.#answers(data);
    this.dispatchEvent(new CustomEvent("started", { detail: { parentId: data.user_message.parent_id ?? null } }));
  }

  /** @param {Record<string, any>} data of `done` */
  #finish(data) {
    const same = this.#answers({}).finish(data);
    if (this.#question) {
      this.#question.messageId = data.parent_id;
      this.#question.state = "completed";
    }
    if (!same) this.dispatchEvent(new CustomEvent("mismatch", { detail: { messageId: data.message_id } }));
    this.#end({ status: data.status });
  }

  /** @param {Record<string, any>} data of `error` */
  #fail({ code, message, retryable, retry_after: retryAfter }) {
    this.#answers({}).fail({ code, message, retryable, retryAfter });
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
    this.text = text;
    if (!this.#question) {
      this.#question = ChatMessage.create({ role: "user", label: OWN_LABEL, state });
      this.#transcript.addMessages(this.#question);
    }
    this.#question.state = state;
    this.#question.source = text;
    this.#question.body.textContent = text;
  }

  /** @param {{ model?: string }} start @returns {LiveAnswer} the answer, begun if it is not yet */
  #answers({ model }) {
    if (this.#answer) return this.#answer;
    this.#answer = new LiveAnswer(answerLabel({ assistant: this.assistant, model }, this.#assistants));
    if (this.runId) this.#answer.element.dataset.runId = this.runId;
    this.#transcript.addMessages(this.#answer.element);
    return this.#answer;
  }
}
