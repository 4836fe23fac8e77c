import { warn } from "../client/warning.js";
import { modelProblem } from "./model_problem.js";

/** The wait grows up to the longest one: many pages may be waiting. */
const SILENT_MS = 2_500;
const LONGER_MS = 500;
const LONGEST_SILENT_MS = 10_000;
/** An administrator has to act before this one can be used. */
const REFUSED_MS = 30_000;
/** A server that has just failed may take this long to be known as not responding. */
const DOUBT_MS = 10_000;

/**
 * The notice that the model server cannot be used. While it is shown, the page polls the server. When the server is
 * back, the notice disappears, and the assistants available by then can be chosen without a reload.
 */
export class ModelWatch {
  #client;
  #assistants;
  #composer;
  #notice;
  /** @type {import("./model_problem.js").Problem[]} */
  #problems;
  /** Keep polling until then although nothing seems wrong, in milliseconds since the epoch. */
  #doubtedUntil = 0;
  #silentMs = SILENT_MS;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;
  #listeners = new AbortController();

  /**
   * @param {object} parts
   * @param {import("../client/chat_client.js").ChatClient} parts.client
   * @param {import("./session.js").Config} parts.config its assistants are updated in place
   * @param {import("../composer/chat_composer.js").ChatComposer} parts.composer
   * @param {HTMLElement} parts.notice
   */
  constructor({ client, config, composer, notice }) {
    this.#client = client;
    this.#assistants = config.assistants;
    this.#problems = config.model_problems;
    this.#composer = composer;
    this.#notice = notice;
    const { signal } = this.#listeners;
    composer.addEventListener("composer-assistant", () => this.#draw(), { signal });
    document.addEventListener("visibilitychange", () => this.#seen(), { signal });
    this.#draw();
    this.#wait();
  }

  close() {
    this.#listeners.abort();
    clearTimeout(this.#timer);
  }

  /** An answer failed, or a message was refused: the models may have changed. */
  doubt() {
    this.#doubtedUntil = Date.now() + DOUBT_MS;
    void this.#ask();
  }

  get #kind() {
    return modelProblem(this.#problems, this.#composer.assistant);
  }

  async #ask() {
    clearTimeout(this.#timer);
    try {
      const { items, problems } = await this.#client.request("GET", "/assistants");
      if (this.#listeners.signal.aborted) return;
      this.#take(items, problems);
    } catch (error) {
      warn("could not check the models", error); // The next check, or the connection notice, will tell.
    }
    this.#wait();
  }

  /**
   * @param {import("../composer/assistant_picker.js").Assistant[]} items
   * @param {import("./model_problem.js").Problem[]} problems
   */
  #take(items, problems) {
    const before = this.#kind;
    this.#problems = problems;
    if (JSON.stringify(items) !== JSON.stringify(this.#assistants)) {
      this.#assistants.splice(0, this.#assistants.length, ...items); // Answer labels look up names in the same list.
      this.#composer.refreshAssistants();
    }
    if (before && !this.#kind) this.#composer.showProblem(""); // The refused message can be sent now.
    this.#draw();
  }

  #draw() {
    const kind = this.#kind;
    for (const line of /** @type {NodeListOf<HTMLElement>} */ (this.#notice.querySelectorAll("[data-problem]"))) {
      const shown = line.dataset.problem === kind;
      if (shown && line.hidden) this.#notice.dispatchEvent(new CustomEvent("announce", { bubbles: true, detail: line.textContent }));
      line.hidden = !shown;
    }
  }

  #wait() {
    clearTimeout(this.#timer);
    if (document.hidden || this.#listeners.signal.aborted) return;
    const silent = this.#kind === "silent" || Date.now() < this.#doubtedUntil;
    this.#silentMs = silent ? Math.min(this.#silentMs + LONGER_MS, LONGEST_SILENT_MS) : SILENT_MS;
    if (silent || this.#kind) this.#timer = setTimeout(() => void this.#ask(), silent ? this.#silentMs : REFUSED_MS);
  }

  #seen() {
    if (document.hidden) clearTimeout(this.#timer);
    else if (this.#kind) void this.#ask();
  }
}
