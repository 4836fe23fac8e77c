/**
 * Decides which version of a message is shown, and where a turn in progress belongs among the versions.
 *
 * A turn that is not shown continues in the background, and appears when its version is selected.
 *
 * @typedef {import("./turn.js").Turn} Turn
 * @typedef {import("../message/chat_message.js").ChatMessage} ChatMessage
 */
export class Versions {
  #history;
  #turns;
  #transcript;

  /**
   * @param {object} options
   * @param {() => import("./conversation_history.js").ConversationHistory} options.history
   * @param {import("./turn_list.js").TurnList} options.turns
   * @param {import("../transcript/chat_transcript.js").ChatTranscript} options.transcript
   */
  constructor({ history, turns, transcript }) {
    this.#history = history;
    this.#turns = turns;
    this.#transcript = transcript;
  }

  /** A turn requested here is always shown. @param {Turn} turn */
  show(turn) {
    const history = this.#history();
    if (turn.isFork) history.forkTo(turn);
    else this.#append(turn);
    this.#add(turn);
  }

  /**
   * The place of a turn is known now. A turn started elsewhere is shown if it continues the shown branch; one that
   * would replace something shown is only counted, unless `fork` says that nothing is being read yet.
   *
   * @param {Turn} turn
   * @param {{ fork: boolean }} options
   */
  place(turn, { fork }) {
    const history = this.#history();
    const waiting = history.waiting;
    if (waiting && waiting.messageId === turn.continues) return turn.hold(() => callsOf(waiting), () => this.#succeed(turn, waiting));
    if (!history.shows(turn)) {
      if (turn.after === history.leaf && !turn.followsQuestion) this.#append(turn);
      else if (fork) history.forkTo(turn);
    }
    this.#add(turn);
  }

  /** A turn has one more message. @param {Turn} turn */
  grow(turn) {
    if (this.#history().shows(turn)) this.#history().addElements(turn);
  }

  /** A turn was saved: its versions have ids now. @param {Turn} turn */
  settle(turn) {
    const history = this.#history();
    for (const { draftId, parentId, author: role, messageId } of turn.elements) {
      if (messageId) history.siblings.settle(draftId, { parentId, role, id: messageId });
    }
    if (history.shows(turn)) history.settle(turn);
    history.drawVersions();
  }

  /** Removes a turn that came to nothing. @param {Turn} turn */
  drop(turn) {
    const history = this.#history();
    for (const { draftId } of turn.elements) history.siblings.remove(draftId);
    history.dropTurn(turn);
    history.drawVersions();
  }

  /**
   * @param {ChatMessage} shown @param {string} id the version to show instead @returns {Promise<ChatMessage | null>}
   */
  async turnTo(shown, id) {
    const history = this.#history();
    const turn = this.#turns.withVersion(id);
    const unsaved = turn !== null && turn.elements.every(({ messageId }) => !messageId);
    if (turn && unsaved) history.turnToTurn(shown, turn);
    const message = turn && unsaved ? turn.head : await history.turnTo(shown, id);
    history.drawVersions();
    return message;
  }

  /**
   * A turn that continues a waiting answer takes its place, unless something else is shown there by now.
   *
   * @param {Turn} turn @param {ChatMessage} waiting
   */
  #succeed(turn, waiting) {
    const { head } = turn;
    if (!head || this.#history().waiting !== waiting) return this.#add(turn);
    const call = callsOf(waiting, ":focus-within")[0];
    this.#history().siblings.supersede(head.draftId, waiting.versionId);
    this.#transcript.replace(waiting, () => (this.#history().forkTo(turn), head));
    this.#add(turn);
    if (head.messageId) this.settle(turn);
    /** @type {HTMLElement | null} */ (head.querySelector(`[data-call="${call}"] summary`))?.focus({ preventScroll: true });
  }

  /** Another question replaces the failed ones, which stay readable. @param {Turn} turn */
  #append(turn) {
    const history = this.#history();
    for (const { messageId, draftId } of this.#transcript.messages) {
      if (!messageId && draftId) history.siblings.remove(draftId);
    }
    history.appendTurn(turn);
  }

  /** @param {Turn} turn */
  #add(turn) {
    const { head } = turn;
    if (head && !head.messageId) this.#history().siblings.addUnsaved(turn.after, head.author, head.draftId);
    this.#history().drawVersions();
  }
}

/**
 * @param {ChatMessage} waiting
 * @param {string} [which] a selector
 * @returns {string[]} the ids of its calls that wait for the person
 */
function callsOf(waiting, which = "") {
  const calls = /** @type {NodeListOf<HTMLElement>} */ (waiting.querySelectorAll(`.tool[data-state="waiting"]${which}`));
  return Array.from(calls, (call) => call.dataset.call ?? "");
}
