import { Turn } from "./turn.js";

/**
 * The turns sent or followed on this screen, in order.
 *
 * Fires "change" (a turn was added, removed or ended), "turn-grown", "turn-started", "turn-ended" and "turn-mismatch"
 * (`detail`: the turn, and the detail of its event).
 */
export class TurnList extends EventTarget {
  #options;
  /** @type {Turn[]} */
  #turns = [];

  /** @param {Pick<ConstructorParameters<typeof Turn>[0], "client" | "assistants">} options */
  constructor(options) {
    super();
    this.#options = options;
  }

  get empty() {
    return this.#turns.length === 0;
  }

  /** The turn being sent or answered. */
  get current() {
    return this.#turns.findLast((turn) => turn.busy) ?? null;
  }

  /** @param {{ clientMessageId: string | null, assistant?: string | null }} fields @returns {Turn} */
  add(fields) {
    const turn = new Turn({ ...this.#options, ...fields });
    this.#turns.push(turn);
    for (const type of ["grown", "started", "mismatch"]) {
      turn.addEventListener(type, (event) => this.#tell(`turn-${type}`, turn, event));
    }
    turn.addEventListener("ended", (event) => {
      this.#tell("turn-ended", turn, event);
      this.changed();
    });
    return turn;
  }

  /** @param {Turn} turn the turn to remove with its messages */
  drop(turn) {
    turn.remove();
    this.#turns = this.#turns.filter((other) => other !== turn);
    this.changed();
  }

  /** @param {EventTarget | null} message an element of the transcript */
  of(message) {
    return this.#turns.find((turn) => turn.owns(message)) ?? null;
  }

  /** @param {string} versionId of a message that is not saved */
  withVersion(versionId) {
    return this.#turns.find(({ elements }) => elements.some((element) => element.versionId === versionId)) ?? null;
  }

  /** @param {Pick<import("./live_runs.js").Run, "runId" | "clientMessageId">} run */
  knows({ runId, clientMessageId }) {
    return this.hasRun(runId) || this.#turns.some((turn) => turn.clientMessageId !== null && turn.clientMessageId === clientMessageId);
  }

  /** @param {string} runId */
  withRun(runId) {
    return this.#turns.find((turn) => turn.runId === runId) ?? null;
  }

  /** @param {string} runId */
  hasRun(runId) {
    return this.withRun(runId) !== null;
  }

  close() {
    for (const turn of this.#turns) turn.close();
  }

  changed() {
    this.dispatchEvent(new Event("change"));
  }

  /**
   * @param {string} type
   * @param {Turn} turn
   * @param {Event} event
   */
  #tell(type, turn, event) {
    this.dispatchEvent(new CustomEvent(type, { detail: { turn, .../** @type {CustomEvent} */ (event).detail } }));
  }
}
