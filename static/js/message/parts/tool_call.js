import { gettext, interpolate, ngettext } from "../../ui/i18n.js";
import { seconds } from "../answer_figures.js";
import { translated } from "../../ui/server_text.js";
import { part } from "../../ui/template_parts.js";

/** Partial results beyond this number are only counted. */
const MOST_ITEMS = 20;

/** @type {Record<string, string>} */
const FAILURES = {
  // @ts-expect-error -- no inherited names: a code could match one
  __proto__: null,
  cancelled: gettext("Stopped"),
  timeout: gettext("Timed out"),
};

/** One tool call: its arguments, partial results and outcome. It stays closed until the reader opens it. */
export class Drawn {
  #root;
  #live;
  #items = 0;
  #tool = "";

  /** @param {HTMLDetailsElement} root @param {import("../answer_part.js").Options} options */
  constructor(root, { live }) {
    this.#root = root;
    this.#live = live;
    root.dataset.state = "running";
    this.#tell(gettext("Running…"));
  }

  /** @param {string} name @param {any} data */
  hear(name, data) {
    if (name === "tool_start") this.#start(data);
    else if (name === "tool_progress") this.#addItem(data.item);
    else if (name === "tool_result") this.#succeed(data);
    else if (name === "tool_error") this.#fail(data);
  }

  /** The answer ended before this call did. */
  end() {
    if (this.#root.dataset.state !== "running") return;
    this.#root.dataset.state = "failed";
    this.#tell(gettext("Not finished"));
  }

  /** @param {{ tool: string, title?: string, arguments?: unknown }} call */
  #start({ tool, title, arguments: given }) {
    this.#tool = said(title) || plain(tool);
    part(this.#root, "tool-name").textContent = this.#tool;
    this.#show("tool-arguments", plain(given));
    this.#announce(gettext("%(tool)s is running"));
  }

  /** @param {any} item a partial result; a search hit has a title and possibly a snippet */
  #addItem(item) {
    this.#items += 1;
    this.#tell(interpolate(ngettext("%(count)s result", "%(count)s results", this.#items), { count: this.#items }));
    if (this.#items > MOST_ITEMS) return;
    const list = part(this.#root, "tool-items");
    this.#grow(() => {
      list.parentElement.hidden = false;
      list.append(itemRow(item));
    });
  }

  /** @param {{ result?: unknown, duration_ms?: number }} outcome */
  #succeed({ result, duration_ms: duration }) {
    this.#root.dataset.state = "done";
    this.#show("tool-result", plain(result));
    const found = this.#items ? [interpolate(ngettext("%(count)s result", "%(count)s results", this.#items), { count: this.#items })] : [];
    this.#tell([...found, seconds(duration)].filter(Boolean).join(" · "));
    this.#announce(gettext("%(tool)s is done"));
  }

  /** @param {{ message?: unknown, code?: string, duration_ms?: number }} outcome */
  #fail({ message, code = "", duration_ms: duration }) {
    this.#root.dataset.state = "failed";
    this.#show("tool-result", said(message));
    this.#tell([FAILURES[code] ?? gettext("Failed"), seconds(duration)].filter(Boolean).join(" · "));
    this.#announce(gettext("%(tool)s failed"));
  }

  /** @param {string} text */
  #tell(text) {
    part(this.#root, "tool-state").textContent = text;
  }

  /** Tells screen readers. What is saved happened long ago. @param {string} text */
  #announce(text) {
    if (!this.#live) return;
    this.#root.dispatchEvent(new CustomEvent("announce", { bubbles: true, detail: interpolate(text, { tool: this.#tool }) }));
  }

  /** @param {string} name @param {string} text */
  #show(name, text) {
    const place = part(this.#root, name);
    this.#grow(() => {
      place.textContent = text;
      place.parentElement.hidden = !text;
    });
  }

  /** The transcript makes the change, so that the text below an open call does not move. @param {() => void} change */
  #grow(change) {
    const asked = new CustomEvent("message-grow", { bubbles: true, cancelable: true, detail: change });
    if (!this.#live || !this.#root.open || this.#root.dispatchEvent(asked)) change();
  }
}

/** @param {unknown} text the server's, in the user's language if it is known @returns {string} */
function said(text) {
  return typeof text === "string" ? (translated("", text) ?? text) : plain(text);
}

/** @param {any} item */
function itemRow(item) {
  const row = document.createElement("li");
  row.dir = "auto";
  if (item === null || typeof item !== "object" || !item.title) {
    row.textContent = plain(item);
    return row;
  }
  row.appendChild(document.createElement("b")).textContent = plain(item.title);
  if (item.snippet) row.append(" ", plain(item.snippet));
  return row;
}

/** @param {unknown} value of any shape @returns {string} */
function plain(value) {
  if (value === null || value === undefined || value === "") return "";
  if (typeof value === "string") return value;
  const text = JSON.stringify(value, null, 2);
  return text === "{}" || text === "[]" ? "" : text;
}
