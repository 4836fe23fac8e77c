import { gettext, interpolate, ngettext } from "../../ui/i18n.js";
import { seconds } from "../answer_figures.js";
import { ApprovalCard } from "../asking/approval_card.js";
import { pendingCallsOf } from "../asking/pending_calls.js";
import { QuestionCard } from "../asking/question_card.js";
import { translated } from "../../ui/server_text.js";
import { part } from "../../ui/template_parts.js";

/** States of a call that may go on. */
const OPEN = new Set(["running", "waiting"]);
/** Partial results beyond this number are only counted. */
const MOST_ITEMS = 20;

/** @type {Record<string, string>} */
const FAILURES = {
  // @ts-expect-error -- no inherited names: a code could match one
  __proto__: null,
  cancelled: gettext("Stopped"),
  timeout: gettext("Timed out"),
  denied: gettext("Denied"),
  expired: gettext("Expired"),
};

/**
 * One tool call: its arguments, partial results and outcome. It stays closed until the reader opens it, unless it asks
 * the person for something.
 */
export class Drawn {
  #root;
  #live;
  #items = 0;
  #tool = "";
  /** Asks the person. @type {import("../asking/pending_calls.js").Card | null} */
  #card = null;

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
    else if (name === "approval_request") this.#ask(ApprovalCard, data);
    else if (name === "question") this.#ask(QuestionCard, data);
    else if (name === "approval") this.#showDecision(data);
    else if (name === "tool_progress") this.#addItem(data.item);
    else if (name === "tool_result") this.#succeed(data);
    else if (name === "tool_error") this.#fail(data);
  }

  /** The answer ended before this call did. @param {string} status */
  end(status) {
    if (!OPEN.has(this.#root.dataset.state ?? "")) return;
    if (this.#card && status === "waiting") return pendingCallsOf(this.#root).open({ tell: this.#live });
    if (this.#card) this.#decide("");
    this.#settle("failed");
    this.#tell(gettext("Not finished"));
  }

  close() {
    this.#card?.close();
  }

  /** @param {{ call_id: string, tool: string, title?: string, arguments?: unknown }} call */
  #start({ call_id: callId, tool, title, arguments: given }) {
    this.#root.dataset.call = callId;
    this.#tool = said(title) || plain(tool);
    part(this.#root, "tool-name").textContent = this.#tool;
    this.#show("tool-arguments", plain(given));
    this.#announce(gettext("%(tool)s is running"));
  }

  /** @param {typeof ApprovalCard | typeof QuestionCard} Card @param {any} asked */
  #ask(Card, asked) {
    this.#card?.close();
    // Its own line, below the buttons, would move the text at the end of the page.
    const onLock = (/** @type {boolean} */ isLocked) => this.#tell(isLocked ? gettext("Sending…") : gettext("Waiting for you"));
    this.#card = new Card(this.#root, asked, { title: this.#tool, onLock, onEnd: (/** @type {string} */ reason) => this.#missed(reason) });
    this.#root.dataset.state = "waiting";
    this.#root.open = true;
    onLock(false);
    this.#decide(gettext("Not answered"));
  }

  /** It was not answered here. @param {string} reason */
  #missed(reason) {
    this.#grow(() => this.#settle("failed"));
    this.#tell("");
    this.#decide(reason);
  }

  /** @param {{ decision: string, scope?: string, note?: string }} approval */
  #showDecision({ decision, scope, note }) {
    this.#settle("running");
    this.#tell(gettext("Running…"));
    if (decision === "allow") this.#decide(scope === "chat" ? gettext("Allowed in this conversation") : gettext("Allowed once"));
    else this.#decide(note ? interpolate(gettext("Denied: %(note)s"), { note }) : gettext("Denied"));
  }

  /** It does not ask any more. @param {"running" | "done" | "failed"} state */
  #settle(state) {
    this.#root.dataset.state = state;
    if (this.#card) this.#root.open = false;
    this.#card?.close();
    this.#card = null;
  }

  get #isDecided() {
    return !part(this.#root, "tool-decision").hidden;
  }

  /** @param {string} text the line below the call's name */
  #decide(text) {
    const line = part(this.#root, "tool-decision");
    line.textContent = text;
    line.hidden = !text;
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
    if (this.#card) this.#decide(interpolate(gettext("Your answer: %(answer)s"), { answer: plain(result) }));
    this.#settle("done");
    this.#show("tool-result", plain(result));
    const found = this.#items ? [interpolate(ngettext("%(count)s result", "%(count)s results", this.#items), { count: this.#items })] : [];
    this.#tell([...found, seconds(duration)].filter(Boolean).join(" · "));
    this.#announce(gettext("%(tool)s is done"));
  }

  /** @param {{ message?: unknown, code?: string, duration_ms?: number }} outcome */
  #fail({ message, code = "", duration_ms: duration }) {
    if (this.#card) this.#decide("");
    this.#settle("failed");
    this.#show("tool-result", said(message));
    const known = code === "denied" && this.#isDecided ? "" : (FAILURES[code] ?? gettext("Failed"));
    this.#tell(known && [known, seconds(duration)].filter(Boolean).join(" · "));
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
