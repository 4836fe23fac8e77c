import { errorText } from "../../ui/error_text.js";
import { gettext, interpolate, ngettext } from "../../ui/i18n.js";

/**
 * @typedef {import("../chat_message.js").ChatMessage} ChatMessage
 * @typedef {import("../../client/outbox.js").Decided} Decided
 * @typedef {import("../../client/outbox.js").Decision} Decision
 *
 * @typedef {object} Card what asks the person about one call
 * @property {string} callId
 * @property {string} tool its title
 * @property {Decision | null} [decision] what is chosen; a question of the model has none
 * @property {(among: { several: boolean, last: boolean }) => void} open it can be answered; `among` the calls that ask for
 *   permission
 * @property {(problem: string) => void} reopen it was not sent, or not accepted
 * @property {() => void} lock it is being sent
 * @property {(reason: string) => void} end it cannot be answered any more
 * @property {() => void} close it is not shown any more
 */

export const EXPIRED = gettext("Not answered in time");
/** The server's refusals after which nothing can be decided here. @type {Record<string, string>} */
const FINAL = {
  // @ts-expect-error -- no inherited names: a code could match one
  __proto__: null,
  answered: gettext("Answered elsewhere"),
  expired: EXPIRED,
  conflict: gettext("Not answered"),
};
/** Taken back by the person. */
const TAKEN_BACK = "discarded";

/** By message. @type {WeakMap<Element, PendingCalls>} */
const known = new WeakMap();

/** @param {Element} root of a part @returns {PendingCalls} those of the message that contains it */
export function pendingCallsOf(root) {
  const message = /** @type {ChatMessage} */ (root.closest("chat-message"));
  const calls = known.get(message) ?? new PendingCalls(message);
  known.set(message, calls);
  return calls;
}

/**
 * The calls of one answer that wait for the person. The decisions about all that ask for permission are sent together,
 * as soon as the last one is chosen; the answer to a question of the model by itself.
 *
 * "message-reopen" tells it that the answer which went on from there came to nothing. It asks with events of the message: "message-decide" (`detail.decided`, and `detail.failed`, to be called with the
 * error if it is refused) and "message-read" (`detail.read`, to be called with the saved message or null, and
 * `detail.failed`).
 */
class PendingCalls {
  #message;
  /** @type {Set<Card>} */
  #cards = new Set();
  #told = false;
  #opening = false;

  /** @param {ChatMessage} message */
  constructor(message) {
    this.#message = message;
    message.addEventListener("message-reopen", () => this.#reopen(""));
  }

  /** @param {Card} card */
  add(card) {
    this.#cards.add(card);
  }

  /** @param {Card} card that is not drawn any more */
  delete(card) {
    this.#cards.delete(card);
  }

  /** @param {Card} card that cannot be answered any more */
  end(card) {
    this.#cards.delete(card);
    if (!this.#cards.size) this.#message.showStatus("");
  }

  /** The answer has ended: its calls can be answered. @param {{ tell: boolean }} options whether to tell screen readers */
  open({ tell }) {
    if (this.#opening) return;
    this.#opening = true;
    // Each of them says so, one after another, and they are opened together.
    queueMicrotask(() => {
      this.#opening = false;
      const approvals = this.#approvals;
      for (const card of [...this.#cards]) card.open({ several: approvals.length > 1, last: card === approvals.at(-1) });
      if (tell && !this.#told && this.#cards.size) this.#tell("announce", this.#request());
      this.#told = true;
    });
  }

  /** One more is chosen. */
  choose() {
    const decisions = this.#approvals.flatMap(({ decision }) => decision ?? []);
    if (decisions.length === this.#approvals.length) this.#send({ type: "approve", message_id: this.#id, decisions });
  }

  /** All that ask for permission, once. */
  allowAll() {
    for (const card of this.#approvals) card.decision = { call_id: card.callId, decision: "allow", scope: "once" };
    this.choose();
  }

  /** @param {string} callId of a question of the model @param {string} text */
  answer(callId, text) {
    this.#send({ type: "answer", message_id: this.#id, call_id: callId, text });
  }

  /** @param {string} callId @returns {Promise<unknown>} the call's whole arguments, as they are saved */
  async readArguments(callId) {
    /** @type {import("../branch_pages.js").Message | null} */
    const saved = await new Promise((read, failed) => this.#tell("message-read", { read, failed }));
    const part = saved?.parts?.find(({ call_id: id }) => id === callId);
    if (!part) throw new Error(gettext("The saved message could not be read."));
    return part.arguments;
  }

  get #id() {
    return this.#message.messageId ?? "";
  }

  get #approvals() {
    return [...this.#cards].filter((card) => "decision" in card);
  }

  /** What a screen reader says. */
  #request() {
    const [first] = this.#approvals;
    const count = this.#approvals.length;
    if (!first) return gettext("The model asks you something.");
    if (count === 1) return interpolate(gettext("%(tool)s needs your permission."), { tool: first.tool });
    return interpolate(ngettext("%(count)s tool needs your permission.", "%(count)s tools need your permission.", count), { count });
  }

  /** @param {Decided} decided */
  #send(decided) {
    for (const card of this.#cards) card.lock();
    this.#tell("message-decide", { decided, failed: (/** @type {Error & { code?: string }} */ error) => this.#failed(error) });
  }

  /** @param {Error & { code?: string }} error */
  #failed(error) {
    const reason = FINAL[error.code ?? ""];
    const problem = error.code === TAKEN_BACK ? "" : errorText(error);
    this.#tell("announce", reason ?? problem);
    if (!reason) return this.#reopen(problem);
    for (const card of [...this.#cards]) card.end(reason);
  }

  /** @param {string} problem */
  #reopen(problem) {
    for (const card of this.#cards) card.reopen(problem);
  }

  /** @param {string} type @param {unknown} detail */
  #tell(type, detail) {
    this.#message.dispatchEvent(new CustomEvent(type, { bubbles: true, detail }));
  }
}
