/**
 * Highlights code in a worker (highlight_worker.js), which is terminated if it takes too long: that code stays plain,
 * and the next one gets a new worker.
 */

/** @typedef {import("./highlight_worker.js").Coloured} Coloured */
/** @typedef {Pick<Worker, "postMessage" | "terminate" | "addEventListener">} WorkerLike */

// Thirty kilobytes of typical code take a twentieth of it.
const DEADLINE_MS = 1_000;
// To load the library and a grammar over a slow network.
const LOADING_MS = 20_000;
// A message with a hundred such blocks must not keep a processor busy for minutes.
const MOST_TIMEOUTS = 3;

/**
 * @typedef {object} HighlighterOptions
 * @property {() => WorkerLike} [createWorker]
 * @property {(path: string) => string} [resolve]  the served address of a module
 * @property {number} [deadlineMs]
 */

export class Highlighter {
  #options;
  /** @type {WorkerLike | null} */
  #worker = null;
  /** @type {Promise<unknown>} */
  #last = Promise.resolve();
  /** @type {((answer: { tree?: Coloured[], failed?: boolean }) => void) | null} */
  #answered = null;
  /** By grammar. @type {Map<string, number>} */
  #timeouts = new Map();

  /** @param {HighlighterOptions} [options]  defaults to the page's own */
  constructor(options = {}) {
    this.#options = { createWorker: createPageWorker, resolve: (/** @type {string} */ path) => import.meta.resolve(path), deadlineMs: DEADLINE_MS, ...options };
  }

  /**
   * Highlights one code block at a time.
   *
   * @param {string} code
   * @param {string} grammar  from languages.js
   * @returns {Promise<Coloured[]>} rejects if the code for it cannot be loaded, or if it takes too long
   */
  read(code, grammar) {
    const reading = this.#last.then(() => this.#read(code, grammar));
    this.#last = reading.catch(() => {});
    return reading;
  }

  /** @param {string} code @param {string} grammar */
  async #read(code, grammar) {
    const timeouts = this.#timeouts.get(grammar) ?? 0;
    if (timeouts >= MOST_TIMEOUTS) throw new RangeError(`Code in ${grammar} took too long before`);
    const request = {
      grammar,
      core: this.#options.resolve("../../vendor/highlight-11.12.0/core.js"),
      address: this.#options.resolve(`../../vendor/highlight-11.12.0/languages/${grammar}.js`),
    };
    await this.#ask(request, LOADING_MS);
    try {
      return await this.#ask({ ...request, code }, this.#options.deadlineMs);
    } catch (error) {
      if (error instanceof RangeError) this.#timeouts.set(grammar, timeouts + 1);
      throw error;
    }
  }

  /** @param {object} request @param {number} patienceMs @returns {Promise<Coloured[]>} */
  #ask(request, patienceMs) {
    return new Promise((resolve, reject) => {
      const worker = (this.#worker ??= this.#start());
      const timer = setTimeout(() => {
        this.#end();
        reject(new RangeError("Highlighting timed out"));
      }, patienceMs);
      this.#answered = ({ tree, failed }) => {
        clearTimeout(timer);
        this.#answered = null;
        if (failed || !tree) {
          this.#end();
          reject(new TypeError("Highlighting failed"));
        } else resolve(tree);
      };
      worker.postMessage(request);
    });
  }

  #start() {
    const worker = this.#options.createWorker();
    // Ignore late messages from a terminated worker.
    worker.addEventListener("message", (event) => worker === this.#worker && this.#answered?.(/** @type {MessageEvent} */ (event).data));
    worker.addEventListener("error", () => worker === this.#worker && this.#answered?.({ failed: true }));
    return worker;
  }

  #end() {
    this.#worker?.terminate();
    this.#worker = null;
    this.#answered = null;
  }
}

/** @type {{ createScriptURL(address: string): string } | undefined} */
let policy;

/** The page's policy allows only this address to become a script, whatever is requested. @returns {WorkerLike} */
function createPageWorker() {
  const address = import.meta.resolve("./highlight_worker.js");
  policy ??= /** @type {any} */ (globalThis).trustedTypes?.createPolicy("chatsite-worker", { createScriptURL: () => address });
  return new Worker(policy?.createScriptURL("") ?? address, { type: "module" });
}
