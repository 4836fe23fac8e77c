import { gettext } from "../ui/i18n.js";
import { connectionText } from "./connection_text.js";

/**
 * The connection status line above the conversation. Fires "sign-in" and "connection-wake" (reconnect now) when the
 * user asks for it there.
 */
export class ConnectionNotice extends HTMLElement {
  /** @type {import("../client/connection.js").ConnectionDetail | null} */
  #connection = null;
  #shown = "";
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;

  connectedCallback() {
    window.addEventListener("online", this.#draw);
    window.addEventListener("offline", this.#draw);
  }

  disconnectedCallback() {
    window.removeEventListener("online", this.#draw);
    window.removeEventListener("offline", this.#draw);
    clearTimeout(this.#timer);
  }

  /** @param {import("../client/connection.js").ConnectionDetail} connection */
  show(connection) {
    this.#connection = connection;
    this.#draw();
  }

  #draw = () => {
    if (!this.#connection) return;
    clearTimeout(this.#timer);
    const notice = connectionText(this.#connection, { now: Date.now(), online: navigator.onLine });
    if (notice.inMs !== null) {
      this.#timer = setTimeout(this.#draw, notice.inMs);
      return; // The current text stays true until then.
    }
    if (notice.text === this.#shown) return;
    this.#shown = notice.text;
    this.replaceChildren(...(notice.text ? [this.#line(notice)] : []));
    if (notice.text) this.dispatchEvent(new CustomEvent("announce", { bubbles: true, detail: notice.text }));
  };

  /** @param {import("./connection_text.js").ConnectionText} notice */
  #line({ text, tone, action }) {
    const line = document.createElement("p");
    line.className = "notice";
    line.dataset.tone = tone;
    line.append(text);
    if (action === "login") line.append(" ", this.#button(gettext("Sign in"), "sign-in"));
    if (action === "retry") line.append(" ", this.#button(gettext("Try now"), "connection-wake"));
    if (action === "reload") line.append(" ", reloadLink());
    return line;
  }

  /**
   * @param {string} text
   * @param {string} event
   */
  #button(text, event) {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = text;
    button.addEventListener("click", () => this.dispatchEvent(new CustomEvent(event, { bubbles: true })));
    return button;
  }
}

function reloadLink() {
  const anchor = document.createElement("a");
  anchor.href = location.href;
  anchor.textContent = gettext("Reload");
  return anchor;
}
