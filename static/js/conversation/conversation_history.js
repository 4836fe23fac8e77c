import { BranchPages, savedMessage, Siblings } from "../message/index.js";

/**
 * The shown branch of one conversation: its saved messages, and at its end possibly a turn in progress.
 *
 * The reader chooses the branch: one that another tab or device has selected or written does not replace it. It
 * appears among the versions.
 *
 * @typedef {import("../message/branch_pages.js").Message} Message
 * @typedef {import("../transcript/message_window.js").Entry} Entry
 * @typedef {import("./turn.js").Turn} Turn
 */
export class ConversationHistory {
  siblings = new Siblings();
  #id;
  #client;
  #transcript;
  #assistants;
  #onConversation;
  #pages;
  /** Runs whose answers are saved. */
  #runs = new Set();
  /** The ids under which saved questions were sent. */
  #questions = new Set();
  /**
   * What a turn has replaced on the screen: restored if the turn comes to nothing.
   *
   * @type {{ turn: Turn, entries: Entry[], leaf: string | null } | null}
   */
  #covered = null;
  #busy = false;
  #closed = false;

  /**
   * @param {string} id
   * @param {object} options
   * @param {import("./conversation_store.js").Requests} options.client
   * @param {import("../transcript/chat_transcript.js").ChatTranscript} options.transcript
   * @param {{ slug: string, name: string }[]} options.assistants
   * @param {(conversation: import("./conversation_store.js").Conversation) => void} options.onConversation
   */
  constructor(id, { client, transcript, assistants, onConversation }) {
    this.#id = id;
    this.#client = client;
    this.#transcript = transcript;
    this.#assistants = assistants;
    this.#onConversation = onConversation;
    this.#pages = new BranchPages(id, client);
  }

  /** The last saved message of the shown branch. */
  get leaf() {
    return this.#pages.leaf;
  }

  /** The answer at the end of the shown branch, if it waits for the person. @returns {import("../message/chat_message.js").ChatMessage | null} */
  get waiting() {
    const last = /** @type {import("../message/chat_message.js").ChatMessage | null} */ (this.#transcript.elementOf(this.leaf));
    return last?.state === "waiting" ? last : null;
  }

  /**
   * @param {string | null} [messageId] the message to show, instead of the end @returns {Promise<boolean>} false if
   *   the conversation does not exist (yet)
   */
  async load(messageId = null) {
    try {
      const [conversation, messages] = await Promise.all([this.#describe(), messageId ? this.#openAt(messageId) : this.#pages.open()]);
      if (!this.#closed) this.#open(conversation, messages, messageId);
    } catch (error) {
      if (/** @type {any} */ (error).code === "not_found") return false;
      throw error;
    }
    return true;
  }

  /**
   * Reads what has been saved since: adds messages that continue the shown branch, counts other versions.
   *
   * @param {(message: Message) => boolean} isDrawn whether a turn draws it; the turn becomes history by itself
   */
  async refresh(isDrawn) {
    const { leaf: before } = this;
    const [conversation, { leaf, messages }] = await Promise.all([this.#describe(), this.#pages.peek()]);
    if (this.#closed) return;
    this.#onConversation(conversation);
    this.#learn(messages);
    const last = messages.findIndex(({ id }) => id === this.leaf);
    const added = messages.slice(last + 1);
    const { waiting } = this;
    const next = messages.findIndex((message) => message.parent_id === waiting?.parentId && !message.siblings?.includes(waiting.versionId));
    // A turn may have begun, and been saved, while these messages were in flight; or something else may be shown in
    // their place by now.
    if (last >= 0 && this.leaf === before && !this.#pages.hasNewer && !added.some(isDrawn)) {
      this.#transcript.addMessages(...this.#entriesOf(added));
      this.#pages.leaf = leaf;
    } else if (waiting && last < 0 && next >= 0 && this.leaf === before && !messages.slice(next).some(isDrawn)) {
      this.#replace(waiting, messages.slice(next)); // The person has decided elsewhere, and nobody told us.
      this.#pages.leaf = leaf;
    }
    this.drawVersions();
  }

  loadOlder() {
    return this.#more("older", (messages) => this.#transcript.addOlder(this.#entriesOf(messages)));
  }

  loadNewer() {
    return this.#more("newer", (messages) => this.#transcript.addNewer(this.#entriesOf(messages)));
  }

  /** Shows the end of the branch, which had not been read yet. */
  async showLatest() {
    if (!this.#pages.hasNewer || !this.leaf) return;
    const messages = await this.#pages.openAt(this.leaf);
    if (!this.#closed && messages.length) this.#redraw(messages);
  }

  /**
   * Shows another version of a message in the same place on the screen, and what follows that version.
   *
   * @param {import("../message/chat_message.js").ChatMessage} shown
   * @param {string} id of the version
   * @returns {Promise<import("../message/chat_message.js").ChatMessage | null>} the message shown now
   */
  async turnTo(shown, id) {
    await this.#client.request("PATCH", `/conversations/${this.#id}`, { branch_id: id });
    const messages = await this.#pages.turnAt(id);
    if (this.#closed || !messages.length) return null;
    this.#learn(messages);
    this.#covered = null;
    const fork = messages.findIndex((message) => message.id === id);
    const element = this.#replace(shown, messages.slice(fork));
    this.#transcript.setMore({ newer: this.#pages.hasNewer });
    return element;
  }

  /** Shows a turn at the end. @param {Turn} turn */
  appendTurn(turn) {
    this.uncover();
    this.addElements(turn);
  }

  /** Shows a turn that replaces what is shown: another question, or another answer. @param {Turn} turn */
  forkTo(turn) {
    this.uncover();
    const entries = this.#transcript.cutBelow(turn.after);
    this.#covered = { turn, entries, leaf: this.leaf };
    this.#pages.end(turn.after);
    this.#transcript.setMore({ newer: false });
    this.addElements(turn);
  }

  /**
   * Switches to a version that is not saved.
   *
   * @param {import("../message/chat_message.js").ChatMessage} shown
   * @param {Turn} turn
   */
  turnToTurn(shown, turn) {
    this.#transcript.replace(shown, () => {
      this.forkTo(turn);
      return turn.head;
    });
  }

  /** Shows the elements of a turn that are not shown yet. @param {Turn} turn */
  addElements(turn) {
    const added = turn.elements.filter((element) => !this.#transcript.entries.some((entry) => entry.element === element));
    this.#transcript.addMessages(
      ...added.map((element) => ({ key: element.versionId, parent: element.parentId, element, make: null })),
    );
  }

  /** @param {Turn} turn */
  shows(turn) {
    return turn.head !== null && this.#transcript.entries.some(({ element }) => element === turn.head);
  }

  /** A turn came to nothing: shows again what it replaced, if anything. @param {Turn} turn */
  dropTurn(turn) {
    if (this.#covered?.turn === turn) this.uncover();
    else if (this.shows(turn)) this.#transcript.take(turn.elements);
  }

  /** If an unsaved turn has replaced something, shows that again. */
  uncover() {
    if (!this.#covered) return;
    const { turn, entries, leaf } = this.#covered;
    this.#covered = null;
    this.#transcript.cutBelow(turn.after);
    this.#transcript.addMessages(...entries);
    this.#pages.end(leaf);
  }

  /** A shown turn was saved: it is history now. @param {Turn} turn */
  settle(turn) {
    this.#covered = null;
    for (const entry of this.#transcript.entries) {
      const element = /** @type {import("../message/chat_message.js").ChatMessage | null} */ (entry.element);
      if (element && turn.owns(element)) Object.assign(entry, { key: element.versionId, parent: element.parentId });
    }
    this.#pages.leaf = turn.elements.at(-1)?.messageId ?? this.leaf;
  }

  /** Updates the versions of every drawn message. */
  drawVersions() {
    for (const message of this.#transcript.messages) {
      const ids = this.siblings.of(message.parentId, message.author);
      // A message replaced by another question is no longer one of the versions.
      message.showVersions?.(ids.includes(message.versionId) ? ids : []);
    }
  }

  /** @param {string} runId */
  hasRun(runId) {
    return this.#runs.has(runId);
  }

  /** @param {string} clientMessageId */
  hasQuestion(clientMessageId) {
    return this.#questions.has(clientMessageId);
  }

  /** @param {string} messageId @returns {Promise<Message | null>} the message as saved on the server */
  async fetch(messageId) {
    const { messages } = await this.#pages.peek();
    return messages.find(({ id }) => id === messageId) ?? null;
  }

  close() {
    this.#closed = true;
  }

  /** @param {string} messageId @returns {Promise<Message[]>} */
  async #openAt(messageId) {
    try {
      return await this.#pages.openAt(messageId);
    } catch (error) {
      if (/** @type {any} */ (error).code !== "not_found") throw error;
      return this.#pages.open(); // The message was deleted: the conversation may still exist.
    }
  }

  /**
   * @param {import("./conversation_store.js").Conversation} conversation
   * @param {Message[]} messages
   * @param {string | null} messageId
   */
  #open(conversation, messages, messageId) {
    this.#onConversation(conversation);
    this.#learn(messages);
    const entries = this.#entriesOf(messages);
    this.#transcript.setMore({ older: this.#pages.hasOlder, newer: this.#pages.hasNewer });
    const found = messages.some(({ id }) => id === messageId) && messageId;
    const shown = found ? this.#transcript.openAt(entries, found) : this.#transcript.open(entries);
    shown?.toggleAttribute("data-found", true);
  }

  /**
   * Shows other messages in place of one and what is below it.
   *
   * @param {import("../message/chat_message.js").ChatMessage} shown
   * @param {Message[]} messages
   * @returns {import("../message/chat_message.js").ChatMessage} the first one
   */
  #replace(shown, messages) {
    const below = this.#entriesOf(messages);
    this.#transcript.replace(shown, () => {
      this.#transcript.cutBelow(shown.parentId);
      this.#transcript.addMessages(...below);
      return below[0].element;
    });
    return /** @type {any} */ (below[0].element);
  }

  /** @param {Message[]} messages */
  #redraw(messages) {
    this.#learn(messages);
    this.#transcript.clear();
    this.#transcript.setMore({ older: this.#pages.hasOlder, newer: this.#pages.hasNewer });
    this.#transcript.open(this.#entriesOf(messages));
  }

  /**
   * @param {"older" | "newer"} direction
   * @param {(messages: Message[]) => void} add
   */
  async #more(direction, add) {
    if (this.#busy) return;
    this.#busy = true;
    try {
      const messages = await this.#pages[direction]();
      if (this.#closed) return;
      this.#learn(messages);
      this.#transcript.setMore({ older: this.#pages.hasOlder, newer: this.#pages.hasNewer });
      add(messages);
    } finally {
      this.#busy = false;
    }
  }

  #describe() {
    return this.#client.request("GET", `/conversations/${this.#id}`);
  }

  /** @param {Message[]} messages */
  #learn(messages) {
    for (const message of messages) {
      this.siblings.learn(message);
      if (message.run_id) this.#runs.add(message.run_id);
      if (message.client_message_id) this.#questions.add(message.client_message_id);
    }
  }

  /** @param {Message[]} messages @returns {Entry[]} */
  #entriesOf(messages) {
    const options = { assistants: this.#assistants, siblings: this.siblings };
    return messages.map((message) => ({
      key: message.id,
      parent: message.parent_id,
      element: null,
      make: () => savedMessage(message, options),
    }));
  }
}
