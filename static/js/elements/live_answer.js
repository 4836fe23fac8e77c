import { answerNote, countCharacters } from "./answer_note.js";
import { AnswerWriter } from "./answer_writer.js";
import { ChatMessage } from "./chat_message.js";
import { failureWords } from "./failure_words.js";

/** The message of an answer that is being written, up to its good or bad end. */
export class LiveAnswer {
  #message;
  #writer;

  /** @param {string} label */
  constructor(label) {
    this.#message = ChatMessage.create({ role: "assistant", label, state: "streaming" });
    this.#writer = new AnswerWriter(this.#message);
    this.#message.showStatus("Thinking…");
  }

  get element() {
    return this.#message;
  }

  get text() {
    return this.#writer.text;
  }

  /** @param {string} text */
  showStatus(text) {
    this.#message.showStatus(text);
  }

  /** @param {string} text @returns {Promise<void>} after the paint */
  think(text) {
    this.#message.showStatus("");
    return this.#writer.think(text);
  }

  /** @param {string} text @returns {Promise<void>} after the paint */
  write(text) {
    this.#message.showStatus("");
    return this.#writer.write(text);
  }

  reset() {
    this.#writer.reset();
    this.#message.state = "streaming";
    this.#message.showStatus("Starting again…");
  }

  /**
   * @param {Record<string, any>} done
   * @returns {boolean} whether this is the text that was saved
   */
  finish(done) {
    this.#writer.finish();
    this.#settle(done, done.message_id);
    return done.characters === undefined || done.characters === countCharacters(this.text);
  }

  /** @param {import("./failure_words.js").Failure} failure */
  fail(failure) {
    this.#writer.finish();
    this.#message.showStatus("");
    this.#message.state = "failed";
    this.#message.failure.show({ ...failureWords(failure), retryAfter: failure.retryAfter, keepable: this.text !== "" });
  }

  /** Shows the answer as the server has saved it. @param {import("./message_path.js").Message} message */
  showSaved(message) {
    this.#writer.replace(message.text);
    this.#settle(message, message.id);
  }

  /** Something asked for on the failure card is under way. */
  wait() {
    this.#message.failure.disable();
  }

  close() {
    this.#writer.close();
  }

  /**
   * @param {{ status?: string, finish_reason?: string | null }} saved
   * @param {string} id
   */
  #settle(saved, id) {
    this.#message.failure.clear();
    this.#message.showStatus("");
    this.#message.messageId = id;
    this.#message.state = saved.status === "stopped" ? "stopped" : "completed";
    this.#message.showFooter(answerNote(saved));
  }
}
