/**
 * Which version of a message is shown where there are several, and where a turn that is being written stands among them.
 *
 * A turn that is not shown goes on all the same; when its version is turned to, it is there.
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

  /** A turn that was asked for here is shown, wherever it stands. @param {Turn} turn */
  show(turn) {
    const history = this.#history();
    if (turn.isFork) history.forkTo(turn);
    else this.#append(turn);
    this.#add(turn);
  }

  /**
   * The place of a turn is known now. One that was begun elsewhere is shown if it follows on what is shown; one in the
   * place of what is being read is only counted, unless `fork` says that nothing is being read yet.
   *
   * @param {Turn} turn
   * @param {{ fork: boolean }} options
   */
  place(turn, { fork }) {
    const history = this.#history();
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

  /** A turn is saved: its versions have their ids. @param {Turn} turn */
  settle(turn) {
    const history = this.#history();
    for (const { draftId, parentId, author: role, messageId } of turn.elements) {
      if (messageId) history.siblings.settle(draftId, { parentId, role, id: messageId });
    }
    if (history.shows(turn)) history.settle(turn);
    history.drawVersions();
  }

  /** A turn goes that has come to nothing. @param {Turn} turn */
  drop(turn) {
    const history = this.#history();
    for (const { draftId } of turn.elements) history.siblings.remove(draftId);
    history.dropTurn(turn);
    history.drawVersions();
  }

  /** @param {ChatMessage} shown @param {string} id of the version to show instead @returns {Promise<ChatMessage | null>} */
  async turnTo(shown, id) {
    const history = this.#history();
    const turn = this.#turns.withVersion(id);
    const unsaved = turn !== null && turn.elements.every(({ messageId }) => !messageId);
    if (turn && unsaved) history.turnToTurn(shown, turn);
    const message = turn && unsaved ? turn.head : await history.turnTo(shown, id);
    history.drawVersions();
    return message;
  }

  /** Another question follows now, in the place of those that have failed; they stay to be read. @param {Turn} turn */
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
