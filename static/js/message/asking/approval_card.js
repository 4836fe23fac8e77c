import { errorText } from "../../ui/error_text.js";
import { gettext, interpolate, language } from "../../ui/i18n.js";
import { composes } from "../../ui/send_keys.js";
import { cloneTemplate, part } from "../../ui/template_parts.js";
import { argumentRows, visible } from "./call_arguments.js";
import { EXPIRED, pendingCallsOf } from "./pending_calls.js";

/** @type {Record<string, string>} */
const REASONS = {
  // @ts-expect-error -- no inherited names: a reason could match one
  __proto__: null,
  side_effects: gettext("This tool can change or send something."),
  policy: gettext("An administrator wants you to be asked before this tool runs."),
};
/** Longer than a page is usually open. */
const LONGEST_WAIT_MS = 24 * 60 * 60 * 1_000;
/** Of a tool's key: `mcp:<server>/<name>`. */
const OF_SERVER = "mcp:";

/**
 * Asks whether a call may be made: what exactly would be done, why the person is asked, and the choices.
 *
 * @typedef {import("./pending_calls.js").Card} Card
 *
 * @typedef {object} Asked data of `approval_request`
 * @property {string} call_id
 * @property {string} tool
 * @property {unknown} arguments
 * @property {string} reason
 * @property {string} expires_at
 * @property {boolean} [arguments_truncated]
 *
 * @implements {Card}
 */
export class ApprovalCard {
  /** @type {import("../../client/outbox.js").Decision | null} */
  decision = null;
  #root;
  #calls;
  #until;
  #truncated;
  #onLock;
  #onEnd;
  /** Whether there are other calls to decide about. */
  #several = false;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;

  /**
   * @param {HTMLElement} tool the card of the call, which this one is put into
   * @param {Asked} asked
   * @param {object} options
   * @param {string} options.title of the tool
   * @param {(isLocked: boolean) => void} options.onLock it is being sent, or not any more
   * @param {(reason: string) => void} options.onEnd it cannot be answered any more
   */
  constructor(tool, asked, { title, onLock, onEnd }) {
    this.callId = asked.call_id;
    this.tool = title;
    this.#until = Date.parse(asked.expires_at);
    this.#truncated = asked.arguments_truncated === true;
    this.#onLock = onLock;
    this.#onEnd = onEnd;
    this.#calls = pendingCallsOf(tool);
    this.#root = /** @type {HTMLElement} */ (cloneTemplate("approval-template").firstElementChild);
    this.#draw(asked);
    part(tool, "tool-asking").replaceChildren(this.#root);
    this.#root.addEventListener("click", this.#clicked);
    this.#root.addEventListener("submit", this.#submitted);
    this.#root.addEventListener("keydown", this.#pressed);
    this.#calls.add(this);
  }

  /** @param {{ several: boolean, last: boolean }} among */
  open({ several, last }) {
    const left = this.#until - Date.now();
    if (left <= 0) return this.end(EXPIRED);
    if (left < LONGEST_WAIT_MS) this.#timer = setTimeout(() => this.end(EXPIRED), left);
    this.#several = several;
    this.#button("all").hidden = !several || !last; // Below all of them: they can be read first.
    part(this.#root, "asking-choices").hidden = false;
    this.#choose(null);
    this.#lock(false);
    if (this.#truncated) void this.#readArguments();
  }

  lock() {
    const tool = this.#root.closest("details");
    // A disabled button would lose the focus.
    if (this.#root.contains(document.activeElement)) tool?.querySelector("summary")?.focus({ preventScroll: true });
    this.#lock(true);
    this.#tell("");
    this.#onLock(true);
  }

  /** @param {string} problem */
  reopen(problem) {
    this.#choose(null);
    this.#lock(false);
    this.#tell(problem);
    this.#onLock(false);
  }

  /** @param {string} reason */
  end(reason) {
    this.close();
    this.#calls.end(this);
    this.#onEnd(reason);
  }

  close() {
    clearTimeout(this.#timer);
    this.#calls.delete(this);
    this.#root.remove();
  }

  /** @param {Asked} asked */
  #draw({ tool, arguments: given, reason, expires_at: until }) {
    const server = tool.startsWith(OF_SERVER) && tool.slice(OF_SERVER.length).split("/")[0];
    const question = interpolate(gettext("Allow “%(tool)s”?"), { tool: visible(this.tool) });
    this.#root.setAttribute("aria-label", question);
    part(this.#root, "asking-question").textContent = question;
    const why = [
      server && interpolate(gettext("A tool of the server “%(server)s”."), { server: visible(server) }),
      REASONS[reason],
      interpolate(gettext("You can decide until %(time)s."), { time: timeOf(until) }),
    ];
    part(this.#root, "asking-why").textContent = why.filter(Boolean).join(" ");
    this.#drawArguments(given);
  }

  /** @param {unknown} given */
  #drawArguments(given) {
    part(this.#root, "asking-arguments").replaceChildren(argumentRows(given));
  }

  /** The event did not have room for them: nothing is allowed before the person could read all of it. */
  async #readArguments() {
    this.#tell(gettext("Loading the complete arguments…"));
    try {
      this.#drawArguments(await this.#calls.readArguments(this.callId));
      this.#truncated = false;
      this.#tell("");
    } catch (error) {
      this.#tell(errorText(/** @type {Error} */ (error)));
    }
    this.#lock(false);
    this.#button("again").hidden = !this.#truncated;
  }

  #clicked = (/** @type {Event} */ event) => {
    const button = event.target instanceof Element ? /** @type {HTMLElement | null} */ (event.target.closest("[data-choice]")) : null;
    const choice = button?.dataset.choice;
    if (choice === "once" || choice === "chat") this.#decide({ call_id: this.callId, decision: "allow", scope: choice });
    if (choice === "all") this.#calls.allowAll();
    if (choice === "again") void this.#readArguments();
    if (choice === "deny" || choice === "back") this.#askWhy(choice === "deny");
  };

  #submitted = (/** @type {Event} */ event) => {
    event.preventDefault();
    event.stopPropagation();
    const note = this.#note.value.trim();
    this.#askWhy(false);
    this.#decide({ call_id: this.callId, decision: "deny", ...(note && { note }) });
  };

  #pressed = (/** @type {KeyboardEvent} */ event) => {
    if (event.key !== "Escape" || composes(event) || part(this.#root, "asking-note").hidden) return;
    event.preventDefault(); // Keep this Escape from stopping an answer.
    this.#askWhy(false);
  };

  /** @param {boolean} open */
  #askWhy(open) {
    part(this.#root, "asking-note").hidden = !open;
    part(this.#root, "asking-choices").hidden = open;
    if (open) this.#note.focus();
    else this.#button("deny").focus();
  }

  /** @param {import("../../client/outbox.js").Decision} decision */
  #decide(decision) {
    this.#choose(decision);
    if (this.#several) this.#tell(gettext("Chosen. The answer goes on once you have decided about the other calls, too."));
    this.#calls.choose();
  }

  /** @param {import("../../client/outbox.js").Decision | null} decision */
  #choose(decision) {
    this.decision = decision;
    if (!this.#several) return;
    const chosen = decision?.decision === "deny" ? "deny" : decision?.scope;
    for (const choice of ["once", "chat", "deny"]) this.#button(choice).setAttribute("aria-pressed", String(choice === chosen));
  }

  /** @param {boolean} locked */
  #lock(locked) {
    for (const button of this.#root.querySelectorAll("button")) button.disabled = locked;
    for (const choice of ["once", "chat", "all"]) this.#button(choice).disabled ||= this.#truncated;
  }

  /** @param {string} text */
  #tell(text) {
    part(this.#root, "asking-line").textContent = text;
  }

  /** @param {string} choice @returns {HTMLButtonElement} */
  #button(choice) {
    return /** @type {HTMLButtonElement} */ (this.#root.querySelector(`[data-choice="${choice}"]`));
  }

  /** @returns {HTMLInputElement} */
  get #note() {
    return /** @type {HTMLInputElement} */ (this.#root.querySelector("input"));
  }
}

/** @param {string} iso */
function timeOf(iso) {
  return new Date(iso).toLocaleString(language(), { dateStyle: "medium", timeStyle: "short" });
}
