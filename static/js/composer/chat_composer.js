import { gettext, interpolate, ngettext } from "../ui/i18n.js";
import { AssistantPicker } from "./assistant_picker.js";
import { ComposerHint, countCharacters, number } from "./composer_hint.js";
import { fitBox } from "../ui/growing_box.js";
import { LateModule } from "../ui/late_module.js";
import { editsLast, sendsMessage } from "../ui/send_keys.js";
import { part } from "../ui/template_parts.js";
import { ToolsSwitch } from "./tools_switch.js";

new LateModule(() => import("./no_files.js").then((module) => module.refuseFiles(document)));

const SAVE_AFTER_MS = 300;
/** A paste of this many characters is mentioned. */
const LONG_PASTE = 20_000;
const PASTES = new Set(["insertFromPaste", "insertFromDrop"]);

/**
 * The message box. Fires "composer-send" (`detail`: text, assistant), "composer-stop", "composer-assistant" (another
 * one was chosen) and "composer-edit-last" (↑ in the empty box).
 */
export class ChatComposer extends HTMLElement {
  /** @type {import("./drafts.js").Drafts} */
  #drafts = /** @type {any} */ (null);
  /** @type {AssistantPicker} */
  #picker = /** @type {any} */ (null);
  /** @type {ComposerHint} */
  #hint = /** @type {any} */ (null);
  /** @type {ToolsSwitch} */
  #tools = /** @type {any} */ (null);
  #listeners = new AbortController();
  #busy = false;
  /** The text length before the last change. */
  #length = 0;
  /** Undefined until the first conversation is opened. @type {string | null | undefined} */
  #conversationId;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #saveTimer;
  #touch = matchMedia("(hover: none) and (pointer: coarse)");

  /**
   * @param {object} options
   * @param {import("./drafts.js").Drafts} options.drafts
   * @param {import("./assistant_picker.js").Assistant[]} options.assistants
   * @param {import("../ui/remembered_value.js").RememberedValue} options.lastAssistant
   * @param {number} options.limit in characters
   * @param {(id: string, on: boolean) => Promise<void>} options.saveTools
   */
  start({ drafts, assistants, lastAssistant, limit, saveTools }) {
    this.#drafts = drafts;
    this.#hint = new ComposerHint(part(this, "hint"), { limit, onChange: () => this.#draw() });
    const onChoose = () => this.#chosen();
    this.#picker = new AssistantPicker(part(this, "picker"), { assistants, remembered: lastAssistant, onChoose });
    const isOffered = () => this.assistant?.tools === true;
    this.#tools = new ToolsSwitch(part(this, "tools"), { drafts, isOffered, save: saveTools });
    const { signal } = this.#listeners;
    this.#box.addEventListener("input", (event) => this.#changed(/** @type {InputEvent} */ (event)), { signal });
    this.#box.addEventListener("keydown", (event) => this.#pressed(event), { signal });
    this.addEventListener("submit", (event) => this.#submitted(event), { signal });
    this.addEventListener("click", (event) => this.#clicked(event), { signal });
    window.addEventListener("storage", (event) => this.#writtenElsewhere(event), { signal });
    window.addEventListener("pagehide", () => this.#save(), { signal });
  }

  disconnectedCallback() {
    this.#listeners.abort();
    this.#picker?.close();
    this.#hint?.close();
    clearTimeout(this.#saveTimer);
  }

  /** The chosen assistant, or the conversation's. */
  get assistant() {
    return this.#picker.chosen;
  }

  /** Whether the model of a message may use tools; null: as the conversation remembers. */
  get tools() {
    return this.#tools.told;
  }

  get text() {
    return this.#box.value;
  }

  set text(text) {
    this.#box.value = text;
    this.#save();
    this.#draw();
  }

  /**
   * Switches to a conversation and shows its draft. Text typed before the page's scripts loaded is put below it.
   *
   * @param {string | null} id
   * @param {{ assistant: string | null }} options
   */
  open(id, { assistant }) {
    const isFirst = this.#conversationId === undefined;
    const texts = [...new Set([this.#drafts.read(id), isFirst ? this.text : ""])].filter(Boolean);
    this.#save();
    this.#conversationId = id;
    this.#picker.choose(assistant);
    this.#tools.open(id);
    if (!this.#hint.waiting) this.#hint.showProblem("");
    this.text = texts.join("\n\n");
    // A draft that was not visible is not sent along with the typed text.
    this.#box.readOnly &&= isFirst && texts.length === 1;
  }

  /** Sends text for which the user pressed Enter before the page's scripts loaded (early_enter.js). */
  sendEarly() {
    if (!this.#box.readOnly) return;
    this.#box.readOnly = false;
    this.#submit();
  }

  /** The new conversation has an id now: text typed in the meantime moves to it. @param {string} id */
  identify(id) {
    this.#drafts.write(this.#conversationId ?? null, "");
    this.#conversationId = id;
    this.#tools.identify(id);
    this.#save();
  }

  /** @param {string | null} slug the assistant of this conversation */
  showAssistant(slug) {
    this.#picker.follow(slug);
    this.#tools.draw();
  }

  /** @param {{ tools?: boolean, provisional?: boolean } | null} conversation the open one, as far as it is known */
  showTools(conversation) {
    this.#tools.show(conversation);
  }

  /** The list of assistants changed in place. */
  refreshAssistants() {
    this.#picker.refresh();
    this.#tools.draw();
    this.#tell("assistant");
  }

  /** Returns text to the box, before anything typed in the meantime. @param {string} text */
  giveBack(text) {
    if (!text) return;
    this.text = this.text.trim() && this.text !== text ? `${text}\n\n${this.text}` : text;
    this.focusText();
    this.#box.setSelectionRange(this.text.length, this.text.length);
  }

  /** While an answer is being written, Stop replaces Send. @param {boolean} busy */
  set busy(busy) {
    const stop = /** @type {HTMLElement} */ (this.querySelector("#stop"));
    const hadFocus = document.activeElement === stop || document.activeElement === this.#send;
    if (this.#busy && !busy) this.#hint.settle();
    this.#busy = busy;
    stop.hidden = !busy;
    this.#send.hidden = busy;
    if (hadFocus) this.focusText();
    this.#draw();
  }

  /**
   * @param {string} text why the message was not sent; empty for none
   * @param {{ retryAfter?: number | null }} [options] seconds, counted down
   */
  showProblem(text, { retryAfter = null } = {}) {
    this.#hint.showProblem(text, retryAfter);
  }

  /** Shown until the user types. @param {string} text */
  showNote(text) {
    this.#hint.showNote(text);
  }

  focusText() {
    this.#box.focus({ preventScroll: true });
  }

  /** @returns {HTMLTextAreaElement} */
  get #box() {
    return part(this, "box");
  }

  get #send() {
    return /** @type {HTMLButtonElement} */ (this.querySelector("#send"));
  }

  /** @param {InputEvent} event */
  #changed(event) {
    const added = this.#box.value.length - this.#length;
    this.#hint.settle();
    if (PASTES.has(event.inputType) && added >= LONG_PASTE) this.#tellPaste(added);
    clearTimeout(this.#saveTimer);
    this.#saveTimer = setTimeout(() => this.#save(), SAVE_AFTER_MS);
    this.#draw();
  }

  /** @param {number} added approximate number of characters */
  #tellPaste(added) {
    const { text } = this;
    const count = added >= text.length ? countCharacters(text) : added;
    const words = ngettext("%(count)s character pasted", "%(count)s characters pasted", count);
    this.#hint.showNote(interpolate(words, { count: number(count) }));
  }

  /** @param {KeyboardEvent} event */
  #pressed(event) {
    if (sendsMessage(event, { touch: this.#touch.matches })) {
      event.preventDefault();
      this.#submit();
    } else if (editsLast(event) && this.#box.value === "" && !this.#busy) {
      event.preventDefault();
      this.#tell("edit-last");
    }
  }

  /** @param {Event} event */
  #submitted(event) {
    event.preventDefault();
    this.#submit();
  }

  /** @param {Event} event */
  #clicked(event) {
    const target = /** @type {Element} */ (event.target);
    if (target.closest("#stop")) this.#tell("stop");
    else if (target.closest("#tools")) this.#tools.toggle();
    else if (!target.closest("button, label, input, textarea, [popover]")) this.focusText();
  }

  #chosen() {
    this.#tools.draw();
    this.#tell("assistant");
    if (!this.#touch.matches) this.focusText();
  }

  #submit() {
    const { text } = this;
    if (this.#busy) return this.showProblem(gettext("An answer is being written. Wait for it, or stop it."));
    if (!text.trim() || !this.#hint.draw(text)) return;
    this.text = ""; // The message is in the client's outbox now, which also survives a reload.
    this.#hint.showProblem("");
    this.#tell("send", { text, assistant: this.assistant?.slug ?? null });
  }

  /**
   * One draft per conversation: takes over what another tab writes, unless the user is typing here too.
   *
   * @param {StorageEvent} event
   */
  #writtenElsewhere(event) {
    this.#tools.readAgain();
    const id = this.#conversationId;
    const text = id === undefined ? null : this.#drafts.writtenElsewhere(event, id);
    if (text === null || this.#saveTimer !== undefined) return;
    this.#box.value = text;
    this.#draw();
  }

  #save() {
    clearTimeout(this.#saveTimer);
    this.#saveTimer = undefined;
    if (this.#conversationId !== undefined) this.#drafts.write(this.#conversationId, this.text);
  }

  /**
   * @param {"send" | "stop" | "assistant" | "edit-last"} what
   * @param {object} [detail]
   */
  #tell(what, detail = {}) {
    this.dispatchEvent(new CustomEvent(`composer-${what}`, { bubbles: true, detail }));
  }

  #draw() {
    const { text } = this;
    this.#length = text.length;
    const sendable = this.#hint.draw(text);
    this.#send.disabled = !text.trim() || !sendable;
    fitBox(this.#box, part(this, "grow"));
  }
}
