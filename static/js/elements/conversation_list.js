import { ConversationRow } from "./conversation_row.js";
import { pathOf } from "./conversation_route.js";
import { groupByDate } from "./date_groups.js";

const EMPTY = "Your conversations will stand here.";

/**
 * The conversations of the sidebar, grouped by date; older ones are read as the list is scrolled.
 *
 * Says "conversation-open", "conversation-rename" (`detail.title`) and "conversation-delete", each with `detail.id`.
 */
export class ConversationList extends HTMLElement {
  /** @type {import("./conversation_book.js").ConversationBook} */
  #book = /** @type {any} */ (null);
  /** @type {import("./live_runs.js").LiveRuns} */
  #runs = /** @type {any} */ (null);
  #root = "/";
  /** @type {string | null} */
  #current = null;
  /** @type {Map<string, ConversationRow>} */
  #rows = new Map();
  #end = document.createElement("div");
  /** @type {IntersectionObserver | null} */
  #view = null;

  /**
   * @param {object} options
   * @param {import("./conversation_book.js").ConversationBook} options.book
   * @param {import("./live_runs.js").LiveRuns} options.runs
   * @param {string} options.root the address of a new chat
   */
  start({ book, runs, root }) {
    this.#book = book;
    this.#runs = runs;
    this.#root = root;
    book.addEventListener("change", this.#draw);
    runs.addEventListener("change", this.#draw);
    this.#view = new IntersectionObserver((entries) => this.#seen(entries), { root: this, rootMargin: "200px" });
    this.#view.observe(this.#end);
    this.append(this.#end);
  }

  disconnectedCallback() {
    this.#view?.disconnect();
    this.#book?.removeEventListener("change", this.#draw);
    this.#runs?.removeEventListener("change", this.#draw);
  }

  set current(/** @type {string | null} */ id) {
    this.#current = id;
    this.#draw();
  }

  /** @param {IntersectionObserverEntry[]} entries */
  async #seen(entries) {
    if (!entries.some((entry) => entry.isIntersecting)) return;
    try {
      await this.#book.loadMore();
    } catch (error) {
      this.dispatchEvent(new CustomEvent("announce", { bubbles: true, detail: /** @type {Error} */ (error).message }));
      return;
    }
    // An observer tells of changes only: a list that is still short is looked at once more.
    this.#view?.unobserve(this.#end);
    if (!this.#book.complete) this.#view?.observe(this.#end);
  }

  #draw = () => {
    if ([...this.#rows.values()].some((row) => row.renaming)) return; // Drawn again when that has ended.
    const now = new Date();
    const groups = groupByDate(this.#book.all, ({ updated_at: at }) => new Date(at), now);
    const focused = this.contains(document.activeElement) ? /** @type {HTMLElement} */ (document.activeElement) : null;
    this.#forgetRows();
    this.replaceChildren(...groups.flatMap((group) => this.#group(group)), ...(groups.length ? [] : this.#nothing()), this.#end);
    if (focused?.isConnected) focused.focus({ preventScroll: true });
    this.setAttribute("aria-busy", "false");
  };

  /** @param {{ label: string, items: import("./conversation_book.js").Conversation[] }} group */
  #group({ label, items }) {
    const heading = document.createElement("h2");
    heading.className = "conversations__group";
    heading.textContent = label;
    const list = document.createElement("ul");
    list.setAttribute("role", "list");
    list.setAttribute("aria-label", label);
    list.append(...items.map((conversation) => this.#row(conversation)));
    return [heading, list];
  }

  /** @param {import("./conversation_book.js").Conversation} conversation */
  #row({ id, title, provisional = false }) {
    let row = this.#rows.get(id);
    if (!row) {
      row = new ConversationRow(id, { href: pathOf(id, this.#root), onAct: (...asked) => this.#asked(id, ...asked) });
      this.#rows.set(id, row);
    }
    row.draw({ title, provisional, current: id === this.#current, live: this.#runs.of(id) !== null });
    return row.element;
  }

  #nothing() {
    if (!this.#book.complete) return [];
    const words = document.createElement("p");
    words.className = "conversations__empty";
    words.textContent = EMPTY;
    return [words];
  }

  #forgetRows() {
    for (const id of this.#rows.keys()) if (!this.#book.get(id)) this.#rows.delete(id);
  }

  /**
   * @param {string} id
   * @param {"open" | "rename" | "delete"} action
   * @param {Event} event
   * @param {string} title
   */
  #asked(id, action, event, title) {
    event.preventDefault();
    this.dispatchEvent(new CustomEvent(`conversation-${action}`, { bubbles: true, detail: { id, title } }));
    this.#draw();
  }
}
