import { connectionWords } from "./connection_words.js";

/** The line about the connection, above the conversation. */
export class ConnectionNotice extends HTMLElement {
  /** @type {import("../client/connection.js").ConnectionDetail | null} */
  #connection = null;
  #loginUrl = "";
  #shown = "";
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;

  disconnectedCallback() {
    clearTimeout(this.#timer);
  }

  /**
   * @param {import("../client/connection.js").ConnectionDetail} connection
   * @param {{ loginUrl: string }} options
   */
  show(connection, { loginUrl }) {
    this.#connection = connection;
    this.#loginUrl = loginUrl;
    this.#draw();
  }

  #draw() {
    if (!this.#connection) return;
    clearTimeout(this.#timer);
    const words = connectionWords(this.#connection, Date.now());
    if (words.inMs !== null) {
      this.#timer = setTimeout(() => this.#draw(), words.inMs);
      return; // Whatever stands there is true until then.
    }
    if (words.text === this.#shown) return;
    this.#shown = words.text;
    this.replaceChildren(...(words.text ? [this.#line(words)] : []));
    if (words.text) this.dispatchEvent(new CustomEvent("announce", { bubbles: true, detail: words.text }));
  }

  /** @param {import("./connection_words.js").ConnectionWords} words */
  #line({ text, tone, action }) {
    const line = document.createElement("p");
    line.className = "notice";
    line.dataset.tone = tone;
    line.append(text);
    if (action === "login") line.append(" ", link("Log in again", this.#loginUrl));
    if (action === "reload") line.append(" ", link("Load it again", location.href));
    return line;
  }
}

/**
 * @param {string} text
 * @param {string} href
 */
function link(text, href) {
  const anchor = document.createElement("a");
  anchor.href = href;
  anchor.textContent = text;
  return anchor;
}
