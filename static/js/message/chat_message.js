import { warn } from "../client/warning.js";
import { gettext } from "../ui/i18n.js";
import { BranchPager } from "./branch_pager.js";
import { copyText } from "../ui/clipboard.js";
import { LateModule } from "../ui/late_module.js";
import { errorText } from "../ui/error_text.js";
import { actionOf, cloneTemplate, part } from "../ui/template_parts.js";

const COPIED_FOR_MS = 1_500;
const ASKED_OF_OTHERS = new Set(["retry", "keep", "return", "dismiss", "regenerate", "continue"]);
/** A question beyond one of these limits is folded: pasted text must not push the conversation away. */
const LONG_CHARACTERS = 1_800;
const LONG_LINES = 24;

const editor = new LateModule(() => import("./question_editor.js"));
const failureCard = new LateModule(() => import("./failure_card.js"));

/** @typedef {"sending" | "sent" | "streaming" | "completed" | "stopped" | "waiting" | "failed"} MessageState */

/**
 * One message of the transcript. A question's text is in `body`, what an answer consists of in `parts`; `source` is what
 * the copy button copies.
 *
 * Button presses bubble as events: "message-retry", "message-keep" and "message-return" from its failure card,
 * "message-regenerate" and "message-continue" from an answer, "message-edit" (`detail.text`) from a question,
 * "message-branch" (`detail.id`) for another version of it.
 */
export class ChatMessage extends HTMLElement {
  static #count = 0;

  source = "";
  /** The figures of an answer. @type {import("./answer_figures.js").Figures | null} */
  figures = null;
  /** The id of this version while it is not saved. */
  draftId = "";
  /** @type {string | null} */
  parentId = null;
  /** @type {import("./failure_card.js").FailureCard | null} */
  #failure = null;
  /** The failure to show, while the code of its card is loading. @type {import("../ui/failure_text.js").Failure | null} */
  #failing = null;
  /** @type {BranchPager | null} */
  #pager = null;
  /** @type {import("./question_editor.js").QuestionEditor | null} */
  #editor = null;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;
  #frame = 0;

  /**
   * @param {object} options
   * @param {"user" | "assistant"} options.role
   * @param {string} options.label
   * @param {MessageState} options.state
   * @param {string | null} [options.messageId]
   */
  static create({ role, label, state, messageId = null }) {
    const message = /** @type {ChatMessage} */ (document.createElement("chat-message"));
    message.#build(role, label);
    message.state = state;
    message.messageId = messageId;
    return message;
  }

  connectedCallback() {
    this.addEventListener("click", this.#act);
    this.#settleSoon();
  }

  disconnectedCallback() {
    this.removeEventListener("click", this.#act);
    clearTimeout(this.#timer);
    cancelAnimationFrame(this.#frame);
    this.toggleAttribute("data-settled", false);
  }

  /** The place of a question's text. @returns {HTMLElement} */
  get body() {
    return part(this, "body");
  }

  /** The place of an answer's parts, see answer_parts.js. @returns {HTMLElement} */
  get parts() {
    return part(this, "parts");
  }

  /** @returns {"user" | "assistant"} */
  get author() {
    return /** @type {any} */ (this.dataset.role);
  }

  get messageId() {
    return this.dataset.messageId ?? null;
  }

  set messageId(id) {
    if (id) this.dataset.messageId = id;
  }

  /** Identifies this version among the others. */
  get versionId() {
    return this.messageId ?? this.draftId;
  }

  set label(/** @type {string} */ label) {
    part(this, "label").textContent = label;
  }

  get state() {
    return /** @type {MessageState} */ (this.dataset.state);
  }

  set state(/** @type {MessageState} */ state) {
    this.dataset.state = state;
    this.setAttribute("aria-busy", String(this.#busy));
    this.#settleSoon();
  }

  /** Shows the user's text. @param {string} text */
  showQuestion(text) {
    this.source = text;
    this.body.textContent = text;
    const long = text.length > LONG_CHARACTERS || text.split("\n", LONG_LINES + 1).length > LONG_LINES;
    this.toggleAttribute("data-long", long);
    part(this, "unfold").hidden = !long;
  }

  /** @param {string} text a progress line; empty for none */
  showStatus(text) {
    const status = part(this, "status");
    if (status.textContent !== text) status.textContent = text;
    status.hidden = !text;
  }

  /**
   * @param {string} [note]
   * @param {{ continuable?: boolean }} [options] whether the answer was cut off and can be continued
   */
  showFooter(note = "", { continuable = false } = {}) {
    if (this.author === "assistant") {
      part(this, "note").textContent = note;
      part(this, "continue").hidden = !continuable;
    }
    part(this, "footer").hidden = false;
  }

  hideFooter() {
    part(this, "footer").hidden = true;
  }

  /** @param {string[]} ids the ids of all versions, in order */
  showVersions(ids) {
    if (ids.length < 2 && !this.#pager) return;
    this.#pager ??= new BranchPager(part(this, "versions"));
    this.#pager.show(ids, this.versionId);
  }

  /** Restores the keyboard focus after switching versions. @param {string} action */
  focusVersions(action) {
    this.#pager?.focus(action);
  }

  /** Opens the editor of a question. If its code is loaded, the editor is open on return, so no key is lost. */
  async edit() {
    try {
      const { QuestionEditor } = editor.loaded ?? (await editor.load());
      this.#editor ??= new QuestionEditor(this, (text) => this.#tell("message-edit", { text }));
      this.#editor.open();
    } catch (error) {
      warn("could not load the editor", error); // Offline, perhaps: the next attempt may work.
    }
  }

  /**
   * @param {import("../ui/failure_text.js").Failure} failure
   * @param {import("./failure_card.js").FailureOptions} options
   */
  async showFailure(failure, options) {
    this.#failing = failure;
    try {
      const { FailureCard } = failureCard.loaded ?? (await failureCard.load());
      if (this.#failing === failure) (this.#failure ??= new FailureCard(this)).show(failure, options);
    } catch {
      if (this.#failing === failure) this.showStatus(errorText(failure)); // Offline, perhaps: at least the reason.
    }
  }

  /** An action of the failure card is in progress. */
  disableFailure() {
    this.#failure?.disable();
  }

  clearFailure() {
    this.#failing = null;
    this.#failure?.clear();
  }

  get #busy() {
    return this.state === "streaming" || this.state === "sending";
  }

  /** In two frames, the browser knows its size and may skip it while it is out of view. */
  #settleSoon() {
    cancelAnimationFrame(this.#frame);
    if (this.#busy || !this.isConnected) return;
    const settle = () => this.toggleAttribute("data-settled", true);
    this.#frame = requestAnimationFrame(() => (this.#frame = requestAnimationFrame(settle)));
  }

  /**
   * @param {"user" | "assistant"} role
   * @param {string} label
   */
  #build(role, label) {
    this.className = "message";
    this.dataset.role = role;
    this.setAttribute("role", "article");
    this.append(cloneTemplate(role === "user" ? "question-template" : "answer-template"));
    const heading = part(this, "label");
    heading.id = `message-label-${(ChatMessage.#count += 1)}`;
    heading.textContent = label;
    this.setAttribute("aria-labelledby", heading.id);
  }

  #act = (/** @type {Event} */ event) => {
    const asked = actionOf(event);
    if (!asked) return;
    if (asked.action === "copy") void this.#copy(asked.element);
    if (asked.action === "edit") void this.edit();
    if (asked.action === "unfold") this.#unfold(asked.element);
    if (ASKED_OF_OTHERS.has(asked.action)) this.#tell(`message-${asked.action}`, null);
    const id = this.#pager?.versionFor(asked.action);
    if (id) this.#tell("message-branch", { id, action: asked.action });
  };

  /** @param {HTMLElement} button */
  #unfold(button) {
    const open = this.toggleAttribute("data-unfolded");
    button.textContent = open ? gettext("Show less") : gettext("Show all");
    button.setAttribute("aria-expanded", String(open));
  }

  /** @param {HTMLElement} button */
  async #copy(button) {
    const copied = await copyText(this.source);
    this.#tell("announce", copied ? gettext("Copied") : gettext("The browser blocked copying"));
    if (!copied) return;
    button.dataset.copied = "";
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => delete button.dataset.copied, COPIED_FOR_MS);
  }

  /**
   * @param {string} type
   * @param {unknown} detail
   */
  #tell(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { bubbles: true, detail }));
  }
}
