import { gettext } from "../ui/i18n.js";
import { MenuKeys } from "../ui/menu_keys.js";
import { actionOf, part } from "../ui/template_parts.js";

/** The menu of a sidebar row. There is one, which opens next to the button pressed. */
export class ConversationMenu {
  #root;
  #onChoose;
  #keys;
  /** @type {string | null} */
  #id = null;

  /**
   * @param {HTMLElement} root a popover
   * @param {(id: string, action: string) => void} onChoose called with "pin", "rename", "archive" or "delete"
   */
  constructor(root, onChoose) {
    this.#root = root;
    this.#onChoose = onChoose;
    this.#keys = new MenuKeys(root);
    root.addEventListener("click", this.#clicked);
  }

  /** Call before it opens; the button itself opens it. @param {import("../conversation/conversation_store.js").Conversation} conversation */
  show({ id, pinned = false, archived = false, provisional = false }) {
    this.#id = id;
    part(this.#root, "pin").textContent = pinned ? gettext("Unpin") : gettext("Pin");
    part(this.#root, "archive").textContent = archived ? gettext("Unarchive") : gettext("Archive");
    for (const item of /** @type {NodeListOf<HTMLElement>} */ (this.#root.querySelectorAll("[data-action]"))) {
      const { action } = item.dataset;
      // A conversation that is not saved yet can only be deleted.
      item.hidden = (provisional && action !== "delete") || (archived && action === "pin");
    }
  }

  close() {
    this.#keys.close();
    this.#root.removeEventListener("click", this.#clicked);
  }

  #clicked = (/** @type {Event} */ event) => {
    const action = actionOf(event)?.action;
    if (!action || this.#id === null) return;
    this.#root.hidePopover();
    this.#onChoose(this.#id, action);
  };
}
