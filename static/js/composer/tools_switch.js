import { gettext } from "../ui/i18n.js";

/**
 * Switches the tools of the open conversation on and off, next to the assistant that has them.
 *
 * A choice shows at once. A conversation that is not saved yet cannot remember it: it goes out with the next message,
 * and is saved as soon as there is something to save it in.
 */
export class ToolsSwitch {
  #button;
  #drafts;
  #isOffered;
  #save;
  /** @type {string | null} */
  #id = null;
  /** What the conversation remembers, as far as is known. */
  #kept = true;
  /** What was chosen here, until the server has it. @type {boolean | null} */
  #choice = null;
  #isSaved = false;
  #isSaving = false;

  /**
   * @param {HTMLElement} button
   * @param {object} options
   * @param {Pick<import("./drafts.js").Drafts, "tools" | "chooseTools">} options.drafts
   * @param {() => boolean} options.isOffered whether the chosen assistant has tools
   * @param {(id: string, on: boolean) => Promise<void>} options.save for a saved conversation; resolves if that is
   *   refused, too
   */
  constructor(button, { drafts, isOffered, save }) {
    this.#button = button;
    this.#drafts = drafts;
    this.#isOffered = isOffered;
    this.#save = save;
  }

  /** What to tell the server with a message; null: it knows. */
  get told() {
    return this.#choice ?? (this.#isSaved || this.#kept ? null : false);
  }

  /** @param {string | null} id */
  open(id) {
    this.#id = id;
    this.#kept = true;
    this.#choice = this.#drafts.tools(id);
    this.#isSaved = this.#isSaving = false;
    this.draw();
  }

  /** The new conversation has an id now. @param {string} id */
  identify(id) {
    this.#drafts.chooseTools(this.#id, null);
    this.#id = id;
    this.#choose(this.#choice);
  }

  /** Another tab may have chosen for a conversation that is not saved. */
  readAgain() {
    this.#choice = this.#drafts.tools(this.#id) ?? this.#choice;
    this.draw();
  }

  /** @param {{ tools?: boolean, provisional?: boolean } | null} conversation as far as it is known */
  show(conversation) {
    const { tools, provisional = false } = conversation ?? { provisional: true };
    this.#kept = tools ?? this.#kept;
    this.#isSaved = !provisional;
    this.#settle(tools);
  }

  toggle() {
    this.#choose(!this.#on);
  }

  draw() {
    this.#button.hidden = !this.#isOffered();
    this.#button.title = this.#on ? gettext("Tools on") : gettext("Tools off");
    this.#button.setAttribute("aria-pressed", String(this.#on));
  }

  get #on() {
    return this.#choice ?? this.#kept;
  }

  /** @param {boolean | null} on */
  #choose(on) {
    this.#choice = on;
    this.#drafts.chooseTools(this.#id, this.#isSaved ? null : on);
    this.#update();
  }

  #update() {
    this.draw();
    // One at a time: the server might get two of them in another order.
    if (this.#choice !== null && this.#id && this.#isSaved && !this.#isSaving) void this.#saveNow(this.#id, this.#choice);
  }

  /** @param {string} id @param {boolean} on */
  async #saveNow(id, on) {
    this.#isSaving = true;
    await this.#save(id, on);
    if (id !== this.#id) return;
    this.#isSaving = false;
    this.#settle(on);
  }

  /** @param {boolean | undefined} on no longer a choice: the server has it, or has refused it */
  #settle(on) {
    if (on === this.#choice) this.#choose(null);
    else this.#update();
  }
}
