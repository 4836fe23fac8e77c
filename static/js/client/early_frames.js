/**
 * @typedef {import("./clock.js").Clock} Clock
 * @typedef {{ frame: number, events: unknown[] }} EventsFrame
 *
 * @typedef {object} Kept
 * @property {EventsFrame[]} frames
 * @property {boolean} expected the server has confirmed that this run comes from our send
 * @property {unknown} timer
 */

/** The page follows a run as soon as it learns of it; after this time it is not going to. */
const CLAIM_WITHIN_MS = 10_000;

/**
 * Buffers frames of runs that the server feeds to us after a send, until the page follows them.
 *
 * Buffered frames are not acknowledged, so the window bounds them. Unclaimed frames are released.
 */
export class EarlyFrames {
  #clock;
  #letGo;
  /** @type {Map<string, Kept>} */
  #runs = new Map();
  #sends = 0;

  /**
   * @param {Clock} clock
   * @param {(frames: EventsFrame[], runId: string) => void} letGo gets the unclaimed frames
   */
  constructor(clock, letGo) {
    this.#clock = clock;
    this.#letGo = letGo;
  }

  /** A send is in flight: its first events may arrive with or before the reply. */
  sending() {
    this.#sends += 1;
  }

  /** @param {string | null} runId a run that this socket now follows from its start; null if the send failed */
  answered(runId) {
    this.#sends -= 1;
    if (runId !== null) this.#expect(runId);
    if (this.#sends > 0) return;
    for (const [id, kept] of this.#runs) if (!kept.expected) this.#drop(id);
  }

  /**
   * @param {string} runId
   * @param {EventsFrame} frame
   * @returns {boolean} false if no one expects the frame
   */
  keep(runId, frame) {
    const kept = this.#runs.get(runId) ?? (this.#sends > 0 ? this.#make(runId) : null);
    kept?.frames.push(frame);
    return kept !== null;
  }

  /**
   * @param {string} runId
   * @returns {EventsFrame[] | null} every frame since the start of the run; null if the run must be subscribed to
   */
  claim(runId) {
    if (this.#runs.get(runId)?.expected) return this.#remove(runId);
    this.#drop(runId); // Frames of a run that is not ours may be the tail of an older feed.
    return null;
  }

  close() {
    for (const { timer } of this.#runs.values()) this.#clock.clearTimeout(timer);
    this.#runs.clear();
  }

  /** @param {string} runId */
  #expect(runId) {
    const kept = this.#runs.get(runId) ?? this.#make(runId);
    kept.expected = true;
    kept.timer = this.#clock.setTimeout(() => this.#drop(runId), CLAIM_WITHIN_MS);
  }

  /** @param {string} runId */
  #make(runId) {
    /** @type {Kept} */
    const kept = { frames: [], expected: false, timer: null };
    this.#runs.set(runId, kept);
    return kept;
  }

  /** @param {string} runId */
  #drop(runId) {
    const frames = this.#remove(runId);
    if (frames) this.#letGo(frames, runId);
  }

  /** @param {string} runId */
  #remove(runId) {
    const kept = this.#runs.get(runId);
    this.#clock.clearTimeout(kept?.timer);
    this.#runs.delete(runId);
    return kept?.frames ?? null;
  }
}
