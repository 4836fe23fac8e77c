/** Marks the open conversation as read, here and in every other tab, once its end is visible. */
export class ReadMarks {
  #store;
  #view;
  #transcript;
  #seen;
  #listeners = new AbortController();
  /** Being marked, or failed: retried when the page is next shown. */
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
    // If one jump reached the end, the jump-to-end button is hidden only after the last scroll event.
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

  /** According to the current layout: the jump-to-end button appears some frames after the last text was drawn. */
  get #atEnd() {
    const isLoading = this.#transcript.querySelector('[aria-busy="true"]') !== null;
    return !isLoading && this.#transcript.atEnd;
  }
}
