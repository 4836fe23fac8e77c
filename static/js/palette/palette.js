import { gettext, interpolate, ngettext } from "../ui/i18n.js";
import { Listbox } from "../ui/listbox.js";
import { matchingCommands, paletteCommands } from "./palette_commands.js";
import { commandOption, conversationOption, hitOption, optionGroup } from "./palette_options.js";
import { bestRank, rankCommands, UNKNOWN } from "./palette_ranks.js";
import { SearchFeed } from "./search_feed.js";
import { composes } from "../ui/send_keys.js";
import { actionOf, part } from "../ui/template_parts.js";

const RECENT = 7;

/**
 * The command palette: searches conversations and commands in one field.
 *
 * @typedef {object} PaletteOptions
 * @property {import("../client/chat_client.js").ChatClient} client
 * @property {import("../conversation/conversation_store.js").ConversationStore} store
 * @property {() => string | null} current the open conversation
 * @property {(name: string) => void} onCommand
 * @property {(target: { id: string, messageId: string | null }, inNewTab: boolean) => void} onOpen
 */
export class Palette {
  #dialog;
  #options;
  #feed;
  #listbox;
  #view;
  /** The rank of the best hit, once known. */
  #bar = UNKNOWN;
  /** Whether a command comes first. */
  #leads = false;
  /** Enter was pressed before the results were known. @type {Event | null} */
  #entered = null;

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
    this.#feed.addEventListener("change", () => this.#found());
    this.#field.addEventListener("input", () => this.#typed());
    dialog.addEventListener("keydown", (event) => this.#pressed(event), { capture: true });
    dialog.addEventListener("click", (event) => this.#clicked(event));
    dialog.addEventListener("close", () => this.#closed());
  }

  /** Call once the dialog is open. Text may already be typed in it: its local results are shown at once. */
  show() {
    this.#typed();
    this.#view.observe(part(this.#dialog, "end"));
  }

  /** @returns {HTMLInputElement} */
  get #field() {
    return part(this.#dialog, "field");
  }

  #closed() {
    this.#entered = null;
    this.#field.value = "";
    this.#view.disconnect();
  }

  #typed() {
    this.#bar = UNKNOWN;
    this.#entered = null;
    this.#feed.search(this.#field.value);
    if (this.#feed.answered) this.#bar = bestRank(this.#feed.hits, this.#feed.words);
    this.#draw({ first: true });
    part(this.#dialog, "scroller").scrollTop = 0;
  }

  /** The first page fixes the order; later pages move nothing. */
  #found() {
    const { answered, hits, words, state } = this.#feed;
    if (answered && this.#bar === UNKNOWN) this.#bar = bestRank(hits, words);
    this.#draw();
    const entered = this.#entered;
    if (!entered || state === "searching") return;
    this.#entered = null;
    if (answered && this.#listbox.active) this.#choose(this.#listbox.active, entered);
  }

  /** @param {{ first?: boolean }} [how] */
  #draw({ first = false } = {}) {
    const groups = this.#groups().filter(({ options }) => options.length > 0);
    part(this.#dialog, "list").replaceChildren(...groups.map(({ label, options }, at) => optionGroup(label, options, `palette-group-${at}`)));
    this.#listbox.refresh({ first });
    this.#tell();
    // Observers report changes only: check a list that is still short once more.
    const end = part(this.#dialog, "end");
    this.#view.unobserve(end);
    if (this.#dialog.open && this.#feed.state === "ready") this.#view.observe(end);
  }

  #groups() {
    const { store, current } = this.#options;
    const open = store.get(current());
    const commands = paletteCommands(open?.provisional ? null : open);
    if (!this.#feed.words) {
      const recent = store.all.filter(({ id, provisional }) => id !== current() && !provisional).slice(0, RECENT);
      return [
        { label: gettext("Recent"), options: recent.map(conversationOption) },
        { label: gettext("Commands"), options: commands.map(commandOption) },
      ];
    }
    const { words, hits } = this.#feed;
    const { leading, following } = rankCommands(matchingCommands(commands, words), words, this.#bar);
    this.#leads = leading.length > 0;
    return [
      { label: gettext("Commands"), options: leading.map(commandOption) },
      { label: gettext("In your conversations"), options: hits.map(hitOption) },
      { label: this.#leads ? gettext("More commands") : gettext("Commands"), options: following.map(commandOption) },
    ];
  }

  /** Enter waits for the results, unless a command leads or the user has already moved to an option. @param {KeyboardEvent} event */
  #pressed(event) {
    const { words, answered, state } = this.#feed;
    if (event.key !== "Enter" || event.target !== this.#field || composes(event)) return;
    if (!words || answered || state !== "searching" || this.#leads || this.#listbox.moved) return;
    event.preventDefault();
    event.stopPropagation();
    this.#entered = event;
  }

  /** The line below the list: progress, or why it is empty. */
  #tell() {
    const { state, hits, words, problem } = this.#feed;
    const nothing = state === "ready" && hits.length === 0;
    const found = interpolate(ngettext("%(count)s result", "%(count)s results", hits.length), { count: hits.length });
    part(this.#dialog, "status").textContent = state === "searching" ? gettext("Searching…") : nothing ? interpolate(gettext("No results for “%(words)s”."), { words }) : state === "failed" ? problem : state === "ready" ? found : "";
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
    // A click on the backdrop targets the dialog itself.
    if (event.target === this.#dialog) this.#dialog.close();
  }
}
