/** Marks the conversation on the screen as read once its end can be seen, here and so in every other tab. */
export class ReadMarks {
  #store;
  #view;
  #transcript;
  #seen;
  #listeners = new AbortController();
  /** What is being marked, or could not be: that is tried again when the page is shown the next time. */
  #marking = new Set();

  /**
   * @param {object} options
   * @param {import("../conversation/conversation_store.js").ConversationStore} options.store
   * @param {import("./conversation_view.js").ConversationView} options.view
   * @param {import("../transcript/chat_transcript.js").ChatTranscript} options.transcript
   */
  constructor({ store, view, transcript }) {
    this.#store = store;
    this.#view = view;
    this.#transcript = transcript;
    const { signal } = this.#listeners;
    const look = () => void this.#look();
    store.addEventListener("change", look, { signal });
    document.addEventListener("visibilitychange", () => this.#lookAgain(), { signal });
    // The way to the end is hidden after the last scroll event, if one jump has reached it.
    this.#seen = new MutationObserver(look);
    this.#seen.observe(transcript, { subtree: true, attributeFilter: ["aria-busy", "hidden"] });
    look();
  }

  close() {
    this.#listeners.abort();
    this.#seen.disconnect();
  }

  async #look() {
    const { id } = this.#view.open;
    const unread = id !== null && this.#store.get(id)?.unread;
    if (!unread || document.hidden || !this.#atEnd || this.#marking.has(id)) return;
    this.#marking.add(id);
    const marked = await this.#store.change(id, { unread: false }).then(() => true, () => false);
    if (marked) this.#marking.delete(id);
  }

  #lookAgain() {
    this.#marking.clear();
    void this.#look();
  }

  /** As it is laid out now: the way to the end, a button, is offered only some frames after the last words were drawn. */
  get #atEnd() {
    const isLoading = this.#transcript.querySelector('[aria-busy="true"]') !== null;
    return !isLoading && this.#transcript.atEnd;
  }
}
