import { loadPreview } from "../../markdown/late_preview.js";
import { FramePump } from "../../markdown/pump.js";
import { MarkdownStream } from "../../markdown/stream.js";
import { LateModule } from "../../ui/late_module.js";

new LateModule(loadPreview);

/** A growing text, written once per frame. A saved one is parsed once, as a whole. */
export class Drawn {
  #markdown;
  #pump;

  /** @param {HTMLElement} root */
  constructor(root) {
    this.#markdown = new MarkdownStream(root);
    this.#pump = new FramePump({ draw: (text) => this.#markdown.push(text) });
  }

  /** @param {string} _name @param {{ text: string }} token @returns {Promise<void>} after the paint */
  hear(_name, { text }) {
    return this.#pump.write(text);
  }

  settle() {
    this.#markdown.finish(this.#pump.take());
  }

  end() {
    this.settle();
  }

  close() {
    this.#pump.close();
  }
}
