import { gettext, interpolate } from "../ui/i18n.js";
import { errorText } from "../ui/error_text.js";

/**
 * Actions on a conversation, from the sidebar or the palette. They show at once; those that remove the conversation
 * from view can be undone.
 */
export class ConversationActions {
  #store;
  #current;
  #go;
  #toast;

  /**
   * @param {object} options
   * @param {import("../conversation/conversation_store.js").ConversationStore} options.store
   * @param {() => { id: string | null, empty: boolean }} options.current the open conversation
   * @param {(id: string | null) => void} options.go
   * @param {(text: string, undo: (() => void) | null) => void} options.toast
   */
  constructor({ store, current, go, toast }) {
    this.#store = store;
    this.#current = current;
    this.#go = go;
    this.#toast = toast;
  }

  /**
   * @param {string} id
   * @param {import("../conversation/conversation_store.js").Changes} changes
   */
  async change(id, changes) {
    const title = this.#store.get(id)?.title ?? "";
    const wasOpen = changes.archived === true && this.#leave(id);
    const done = await this.#try(this.#store.change(id, changes));
    if (!done || changes.archived === undefined) return;
    const template = changes.archived ? gettext("Archived “%(title)s”") : gettext("Unarchived “%(title)s”");
    const undo = () => this.#store.change(id, { archived: !changes.archived });
    this.#toast(interpolate(template, { title }), () => void this.#undo(id, undo, wasOpen));
  }

  /** @param {string} id */
  async delete(id) {
    const { title = "", provisional = false } = this.#store.get(id) ?? {};
    const wasOpen = this.#leave(id);
    const done = await this.#try(this.#store.delete(id));
    const undo = () => this.#store.restore(id);
    // Nothing remains of a conversation that was never saved.
    const takeBack = provisional ? null : () => void this.#undo(id, undo, wasOpen);
    if (done) this.#toast(interpolate(gettext("Deleted “%(title)s”"), { title }), takeBack);
  }

  /** @param {string} id @returns {boolean} whether it was open */
  #leave(id) {
    const wasOpen = this.#current().id === id;
    if (wasOpen) this.#go(null);
    return wasOpen;
  }

  /**
   * @param {string} id
   * @param {() => Promise<void>} undo
   * @param {boolean} wasOpen
   */
  async #undo(id, undo, wasOpen) {
    const done = await this.#try(undo());
    if (done && wasOpen && this.#current().empty) this.#go(id);
  }

  /** @param {Promise<unknown>} work @returns {Promise<boolean>} false if it failed; the failure is shown as a toast */
  async #try(work) {
    try {
      await work;
      return true;
    } catch (error) {
      this.#toast(errorText(/** @type {Error} */ (error)), null);
      return false;
    }
  }
}
