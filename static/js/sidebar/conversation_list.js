import { warn } from "../client/warning.js";
import { gettext } from "../ui/i18n.js";
import { ConversationGroups } from "./conversation_groups.js";
import { pathOf } from "./conversation_route.js";
import { ConversationRow } from "./conversation_row.js";
import { groupByDate } from "./date_groups.js";
import { LateModule } from "../ui/late_module.js";
import { errorText } from "../ui/error_text.js";
import { actionOf, part } from "../ui/template_parts.js";

/** @typedef {import("../conversation/conversation_store.js").Conversation} Conversation */

const menu = new LateModule(() => import("./conversation_menu.js"));

/**
 * The sidebar's conversations: pinned ones, then the others by date, read on scrolling. Or the archived ones, in the
 * same place.
 *
 * Fires "conversation-open", "conversation-change" (`detail.changes`), "conversation-rename" (from the menu: opens a
 * field) and "conversation-delete", each with `detail.id`.
 */
export class ConversationList extends HTMLElement {
  /** @type {import("../conversation/conversation_store.js").ConversationStore} */
  #store = /** @type {any} */ (null);
  /** @type {import("../conversation/live_runs.js").LiveRuns} */
  #runs = /** @type {any} */ (null);
  /** @type {ConversationGroups} */
  #groups = /** @type {any} */ (null);
  /** @type {import("./conversation_menu.js").ConversationMenu | null} */
  #menu = null;
  #root = "/";
  /** @type {string | null} */
  #current = null;
  #archive = false;
  /** @type {Map<string, ConversationRow>} */
  #rows = new Map();
  /** @type {IntersectionObserver | null} */
  #view = null;

  /**
   * @param {object} options
   * @param {import("../conversation/conversation_store.js").ConversationStore} options.store
   * @param {import("../conversation/live_runs.js").LiveRuns} options.runs
   * @param {string} options.root the address of a new chat
   */
  start({ store, runs, root }) {
    this.#store = store;
    this.#runs = runs;
    this.#root = root;
    this.#groups = new ConversationGroups(part(this, "groups"));
    store.addEventListener("change", this.#draw);
    runs.addEventListener("change", this.#draw);
    this.addEventListener("click", this.#clicked);
    this.#view = new IntersectionObserver((entries) => this.#seen(entries), { root: this, rootMargin: "400px" });
    this.#view.observe(part(this, "end"));
  }

  disconnectedCallback() {
    this.#view?.disconnect();
    this.#menu?.close();
    this.#store?.removeEventListener("change", this.#draw);
    this.#runs?.removeEventListener("change", this.#draw);
    this.removeEventListener("click", this.#clicked);
  }

  set current(/** @type {string | null} */ id) {
    this.#current = id;
    this.#draw();
  }

  /** Whether the archived conversations are shown. */
  get archive() {
    return this.#archive;
  }

  set archive(archive) {
    if (archive === this.#archive) return;
    this.#archive = archive;
    part(this, "archive-head").hidden = !archive;
    this.scrollTop = 0;
    this.#draw();
    this.#look();
    if (archive) part(this, "archive-close").focus();
  }

  /** @param {string | null} id @param {MouseEvent} event on a button that opens this conversation's menu */
  showMenu(id, event) {
    const conversation = this.#store.get(id);
    if (conversation) void this.#showMenu(conversation, event);
  }

  /** @param {string} id its title becomes a text field, if it is in the list */
  rename(id) {
    this.archive = this.#store.get(id)?.archived ?? false;
    const row = this.#rows.get(id);
    row?.element.scrollIntoView({ block: "nearest" });
    row?.rename();
  }

  get #complete() {
    return this.#archive ? this.#store.archiveComplete : this.#store.complete;
  }

  /** @param {IntersectionObserverEntry[]} entries */
  async #seen(entries) {
    if (!entries.some((entry) => entry.isIntersecting) || this.#complete) return;
    const archive = this.#archive;
    part(this, "problem").hidden = true;
    try {
      await (archive ? this.#store.loadMoreArchived() : this.#store.loadMore());
    } catch (error) {
      part(this, "problem-text").textContent = errorText(/** @type {Error} */ (error));
      part(this, "problem").hidden = false;
      return this.setAttribute("aria-busy", "false");
    }
    if (archive === this.#archive) this.#look();
  }

  /** Observers report changes only: check a list that is still short once more. */
  #look() {
    const end = part(this, "end");
    this.#view?.unobserve(end);
    if (!this.#complete) this.#view?.observe(end);
  }

  #draw = () => {
    if ([...this.#rows.values()].some((row) => row.renaming)) return; // Redrawn when renaming ends.
    const focused = this.contains(document.activeElement) ? /** @type {HTMLElement} */ (document.activeElement) : null;
    this.#forgetRows();
    const shown = this.#archive ? this.#store.archived : this.#store.all;
    this.#groups.draw(this.#grouped(shown).map(({ label, items }) => ({ label, rows: items.map((item) => this.#row(item)) })));
    const empty = part(this, "empty");
    empty.hidden = shown.length > 0 || !this.#complete;
    empty.textContent = this.#archive ? gettext("Nothing is archived.") : gettext("Your conversations will appear here.");
    if (focused?.isConnected) focused.focus({ preventScroll: true });
    if (this.#complete || shown.length > 0) this.setAttribute("aria-busy", "false");
  };

  /** @param {Conversation[]} shown */
  #grouped(shown) {
    const pinned = this.#archive ? [] : shown.filter((conversation) => conversation.pinned);
    const others = pinned.length ? shown.filter((conversation) => !conversation.pinned) : shown;
    const byDate = groupByDate(others, ({ updated_at: at }) => new Date(at), new Date());
    const open = this.#store.get(this.#current);
    const above = [
      { label: gettext("Archived"), items: open?.archived && !this.#archive ? [open] : [] },
      { label: gettext("Pinned"), items: pinned },
    ];
    return [...above.filter(({ items }) => items.length), ...byDate];
  }

  /** @param {Conversation} conversation */
  #row(conversation) {
    const { id } = conversation;
    let row = this.#rows.get(id);
    if (!row) {
      row = new ConversationRow(id, { href: pathOf(id, this.#root), onAct: (...asked) => this.#asked(id, ...asked) });
      this.#rows.set(id, row);
    }
    row.draw(conversation, { current: id === this.#current, live: this.#runs.of(id) !== null, unanswered: this.#store.unanswered.has(id) });
    return row.element;
  }

  #forgetRows() {
    for (const id of this.#rows.keys()) if (!this.#store.get(id)) this.#rows.delete(id);
  }

  /**
   * @param {string} id
   * @param {"open" | "rename" | "menu"} action
   * @param {string} title
   * @param {MouseEvent} [event] for "menu"
   */
  #asked(id, action, title, event) {
    if (action === "menu") this.showMenu(id, /** @type {MouseEvent} */ (event));
    if (action === "open") this.#tell("open", { id });
    if (action === "rename") this.#tell("change", { id, changes: { title } });
    if (action !== "menu") this.#draw();
  }

  /** @param {Conversation} conversation @param {MouseEvent} event on the button that opens it */
  async #showMenu(conversation, event) {
    const root = /** @type {HTMLElement} */ (document.getElementById("conversation-menu"));
    const source = /** @type {HTMLElement} */ (event.target).closest("button");
    if (!menu.loaded) event.preventDefault(); // Do not open it before it works.
    try {
      const { ConversationMenu } = menu.loaded ?? (await menu.load());
      this.#menu ??= new ConversationMenu(root, (id, action) => this.#chosen(id, action));
      this.#menu.show(conversation);
      if (event.defaultPrevented) root.showPopover(/** @type {any} */ ({ source }));
    } catch (error) {
      warn("could not load the menu", error); // Offline, perhaps: the next attempt may work.
    }
  }

  /**
   * @param {string} id
   * @param {string} action a menu action
   */
  #chosen(id, action) {
    const conversation = this.#store.get(id);
    if (!conversation) return;
    const { title, pinned = false, archived = false } = conversation;
    if (action === "rename") this.#tell("rename", { id });
    if (action === "pin") this.#tell("change", { id, changes: { pinned: !pinned } });
    if (action === "archive") this.#tell("change", { id, changes: { archived: !archived } });
    if (action === "delete") this.#tell("delete", { id, title });
  }

  /**
   * @param {"open" | "change" | "rename" | "delete"} what
   * @param {object} detail
   */
  #tell(what, detail) {
    this.dispatchEvent(new CustomEvent(`conversation-${what}`, { bubbles: true, detail }));
  }

  #clicked = (/** @type {Event} */ event) => {
    const action = actionOf(event)?.action;
    if (action === "load-again") this.#look();
    if (action === "close-archive") {
      this.archive = false;
      /** @type {HTMLElement | null} */ (document.querySelector("#user-menu-button"))?.focus();
    }
  };
}
