import { whenIdle } from "./idle.js";

/** Long enough for the page to be done with what it began; a busy one shall have its late modules all the same. */
const PATIENCE_MS = 2_000;
/** Signs of a person. Focus and scrolling are not: the page does both by itself. */
const SIGNS = ["pointermove", "pointerdown", "touchstart", "wheel", "keydown"];

/** Those that nobody has asked for yet, in the order they were named. @type {LateModule<unknown>[]} */
const waiting = [];
let listening = false;
let begun = false;
let asking = false;

/**
 * Code that is not needed to read and to write, and so is no part of what the page waits for. It comes by itself, one
 * module after another, when the page is drawn, a person has moved, and it is idle; and at once when it is asked for. So
 * what a person opens first is nearly always there, also without a network, and a page that nobody touches loads nothing
 * that it does not show. What could not be loaded is tried again when it is next asked for.
 *
 *     const editor = new LateModule(() => import("../message/question_editor.js"));
 *     const { QuestionEditor } = editor.loaded ?? (await editor.load());
 *
 * The `import` stands with the caller, and its address as it is written there: the import map and the bundle look for it.
 *
 * @template Module
 */
export class LateModule {
  #import;
  /** @type {Promise<Module> | null} */
  #loading = null;
  /** What the module exports, or null while it is not there: for those who cannot wait. @type {Module | null} */
  loaded = null;

  /** @param {() => Promise<Module>} load */
  constructor(load) {
    this.#import = load;
    waiting.push(this);
    if (begun) askForTime();
  }

  /** A call while it is loading waits for that. @returns {Promise<Module>} rejects if it cannot be loaded */
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
 * The page is drawn and can be used: with the first sign of a person the rest may come.
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
  // Without a network now: whoever asks for it will try again, and tell.
  await waiting.shift()?.load().catch(() => {});
  asking = false;
  if (waiting.length) askForTime();
}
