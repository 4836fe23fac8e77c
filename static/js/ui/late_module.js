import { whenIdle } from "./idle.js";

/** Long enough for the page to finish what it is doing; even a busy page loads its late modules after this. */
const PATIENCE_MS = 2_000;
/** Signs of an active user. Focus and scrolling do not count: the page causes both by itself. */
const SIGNS = ["pointermove", "pointerdown", "touchstart", "wheel", "keydown"];

/** Modules not requested yet, in order of creation. @type {LateModule<unknown>[]} */
const waiting = [];
let listening = false;
let begun = false;
let asking = false;

/**
 * Code that is not needed for reading and writing, so the page does not wait for it. It loads on its own, one module
 * after another, once the page is drawn, the user is active and the page is idle; or at once when requested. So
 * whatever the user opens first is nearly always there, even offline, and an untouched page loads nothing that it does
 * not show. A failed load is retried at the next request.
 *
 *     const editor = new LateModule(() => import("../message/question_editor.js"));
 *     const { QuestionEditor } = editor.loaded ?? (await editor.load());
 *
 * The caller writes the `import` with a literal address, because the import map and the bundle look for it.
 *
 * @template Module
 */
export class LateModule {
  #import;
  /** @type {Promise<Module> | null} */
  #loading = null;
  /** The module's exports, or null until loaded, for callers that cannot wait. @type {Module | null} */
  loaded = null;

  /** @param {() => Promise<Module>} load */
  constructor(load) {
    this.#import = load;
    waiting.push(this);
    if (begun) askForTime();
  }

  /** Concurrent calls share one load. @returns {Promise<Module>} rejects if loading fails */
  load() {
    this.#loading ??= this.#load();
    return this.#loading;
  }

  async #load() {
    try {
      this.loaded = await this.#import();
      return this.loaded;
    } catch (error) {
      this.#loading = null;
      throw error;
    }
  }
}

/**
 * Call once the page is drawn and usable: at the first sign of an active user, the rest is loaded.
 *
 * @param {EventTarget} [page]
 */
export function loadLateModules(page = globalThis) {
  if (listening) return;
  listening = true;
  const heard = new AbortController();
  const begin = () => {
    heard.abort();
    begun = true;
    askForTime();
  };
  for (const sign of SIGNS) page.addEventListener(sign, begin, { capture: true, passive: true, signal: heard.signal });
}

function askForTime() {
  if (asking) return;
  asking = true;
  whenIdle(loadNext, PATIENCE_MS);
}

async function loadNext() {
  // Offline, perhaps: whoever requests it will retry and report.
  await waiting.shift()?.load().catch(() => {});
  asking = false;
  if (waiting.length) askForTime();
}
