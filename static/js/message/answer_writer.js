import { loadPreview } from "../markdown/late_preview.js";
import { FramePump } from "../markdown/pump.js";
import { MarkdownStream, renderMarkdown } from "../markdown/stream.js";
import { LateModule } from "../ui/late_module.js";

new LateModule(loadPreview);

/**
 * Writes a growing answer into a message, once per frame. Every promise resolves after its text is painted.
 *
 * @typedef {import("./chat_message.js").ChatMessage} ChatMessage
 */
export class AnswerWriter {
  #message;
  #drawing;
  #text = "";

  /** @param {ChatMessage} message */
  constructor(message) {
    this.#message = message;
    this.#drawing = newDrawing(message);
  }

  get text() {
    return this.#text;
  }

  /** @param {string} text a piece of the answer @returns {Promise<void>} */
  write(text) {
    this.#text += text;
    return this.#drawing.answer.write(text);
  }

  /** Discards everything: the run starts again. */
  reset() {
    this.close();
    this.#text = "";
    this.#drawing = newDrawing(this.#message);
  }

  /** The answer is complete, or will not grow any more. */
  finish() {
    const { answer, markdown } = this.#drawing;
    markdown.finish(answer.take());
    this.#message.source = this.#text;
    this.close();
  }

  /** Replaces everything with the text saved by the server. @param {string} text */
  replace(text) {
    this.close();
    this.#text = text;
    this.#message.source = text;
    this.#message.body.replaceChildren();
    renderMarkdown(this.#message.body, text);
  }

  close() {
    this.#drawing.answer.close();
  }
}

/** Empties the message and starts over. @param {ChatMessage} message */
function newDrawing(message) {
  message.body.replaceChildren();
  const markdown = new MarkdownStream(message.body);
  return { markdown, answer: new FramePump({ draw: (text) => markdown.push(text) }) };
}
