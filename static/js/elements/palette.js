import { gettext, interpolate, ngettext } from "../i18n.js";
import { Listbox } from "./listbox.js";
import { matchingCommands, paletteCommands } from "./palette_commands.js";
import { commandOption, conversationOption, hitOption, optionGroup } from "./palette_options.js";
import { SearchFeed } from "./search_feed.js";
import { actionOf, part } from "./template_parts.js";

const RECENT = 7;

/**
 * Search and commands in one field: what was said, and what can be done.
 *
 * @typedef {object} PaletteOptions
 * @property {import("../client/chat_client.js").ChatClient} client
 * @property {import("./conversation_book.js").ConversationBook} book
 * @property {() => string | null} current the conversation on the screen
 * @property {(name: string) => void} onCommand
 * @property {(target: { id: string, messageId: string | null }, inNewTab: boolean) => void} onOpen
 */
export class Palette {
  #dialog;
  #options;
  #feed;
  #listbox;
  #view;

  /**
   * @param {HTMLDialogElement} dialog
   * @param {PaletteOptions} options
   */
  constructor(dialog, options) {
    this.#dialog = dialog;
    this.#options = options;
    this.#feed = new SearchFeed(options.client);
    this.#listbox = new Listbox({ field: this.#field, list: part(dialog, "list"), onChoose: (option, event) => this.#choose(option, event) });
    this.#view = new IntersectionObserver(([entry]) => entry.isIntersecting && void this.#feed.more(), { root: part(dialog, "scroller"), rootMargin: "300px" });
    this.#feed.addEventListener("change", () => this.#draw());
    this.#field.addEventListener("input", () => this.#typed());
    dialog.addEventListener("click", (event) => this.#clicked(event));
    dialog.addEventListener("close", () => this.#closed());
  }

  /** It is open already, perhaps with words in it: they need not wait for what is here. */
  show() {
    this.#feed.search(this.#field.value);
    this.#draw({ first: true });
    this.#view.observe(part(this.#dialog, "end"));
  }

  /** @returns {HTMLInputElement} */
  get #field() {
    return part(this.#dialog, "field");
  }

  #closed() {
    this.#field.value = "";
    this.#view.disconnect();
  }

  #typed() {
    this.#feed.search(this.#field.value);
    this.#draw({ first: true });
    part(this.#dialog, "scroller").scrollTop = 0;
  }

  /** @param {{ first?: boolean }} [how] */
  #draw({ first = false } = {}) {
    const groups = this.#groups().filter(({ options }) => options.length > 0);
    part(this.#dialog, "list").replaceChildren(...groups.map(({ label, options }, at) => optionGroup(label, options, `palette-group-${at}`)));
    this.#listbox.refresh({ first });
    this.#tell();
    // An observer tells of changes only: a list that is still short is looked at once more.
    const end = part(this.#dialog, "end");
    this.#view.unobserve(end);
    if (this.#dialog.open && this.#feed.state === "ready") this.#view.observe(end);
  }

  #groups() {
    const { book, current } = this.#options;
    const open = book.get(current());
    const commands = paletteCommands(open?.provisional ? null : open);
    if (!this.#feed.words) {
      const recent = book.all.filter(({ id, provisional }) => id !== current() && !provisional).slice(0, RECENT);
      return [
        { label: gettext("Recent"), options: recent.map(conversationOption) },
        { label: gettext("Commands"), options: commands.map(commandOption) },
      ];
    }
    return [
      { label: gettext("Commands"), options: matchingCommands(commands, this.#feed.words).map(commandOption) },
      { label: gettext("Found in your conversations"), options: this.#feed.hits.map(hitOption) },
    ];
  }

  /** The line below the list: what is under way, or why there is nothing. */
  #tell() {
    const { state, hits, words, problem } = this.#feed;
    const nothing = state === "ready" && hits.length === 0;
    const found = interpolate(ngettext("%(count)s result", "%(count)s results", hits.length), { count: hits.length });
    part(this.#dialog, "status").textContent = state === "searching" ? gettext("Searching…") : nothing ? interpolate(gettext("Nothing was found for “%(words)s”."), { words }) : state === "failed" ? problem : state === "ready" ? found : "";
    part(this.#dialog, "status").classList.toggle("visually-hidden", state === "ready" && !nothing);
    part(this.#dialog, "again").hidden = state !== "failed";
    this.#dialog.toggleAttribute("data-searching", state === "searching");
  }

  /**
   * @param {HTMLElement} option
   * @param {Event} event
   */
  #choose({ dataset }, event) {
    const { ctrlKey, metaKey } = /** @type {KeyboardEvent | MouseEvent} */ (event);
    this.#dialog.close();
    if (dataset.command) this.#options.onCommand(dataset.command);
    else this.#options.onOpen({ id: dataset.conversation ?? "", messageId: dataset.message ?? null }, ctrlKey || metaKey);
  }

  /** @param {MouseEvent} event */
  #clicked(event) {
    if (actionOf(event)?.action === "search-again") this.#feed.search(this.#field.value);
    // The veil around it is the dialog's own.
    if (event.target === this.#dialog) this.#dialog.close();
  }
}
