/**
 * Adds what a drawn message does not need to be readable: syntax colours, in idle time, and formulas. Its code is
 * loaded by the first message that needs it. Without it, or if it fails, code is plain and a formula is shown as its
 * source.
 */

import { whenIdle } from "../ui/idle.js";
import { grammarOf } from "./languages.js";

const LONGEST_CODE = 30_720;
const PATIENCE_MS = 500;
// This many characters of TeX are drawn together. Thousands of formulas, or long ones, must not block the page.
const TEX_AT_ONCE = 4_096;
// The cost of a formula besides its characters.
const COST_OF_EACH = 24;

/**
 * @typedef {object} Loaders
 * @property {() => Promise<typeof import("./syntax.js")>} [syntax]
 * @property {() => Promise<typeof import("./mathml.js")>} [mathml]
 * @property {(work: () => void) => void} [whenIdle]
 */

export class Dressing {
  #loaders;
  /** @type {typeof import("./mathml.js") | null} */
  #mathml = null;
  /** Formulas waiting for the code that draws them. @type {Element[] | null} */
  #waiting = null;
  /** Formulas to draw in idle time. @type {Element[]} */
  #formulas = [];
  #drawnAtOnce = 0;
  /** @type {Element[]} */
  #codes = [];
  #isColouring = false;

  /** @param {Loaders} [loaders]  defaults to the page's own */
  constructor(loaders = {}) {
    this.#loaders = { ...pageLoaders, ...loaders };
  }

  /**
   * @param {ChildNode[]} roots  as currently drawn
   * @param {boolean} isOpen     whether the last one may still grow: then its last code block is skipped
   */
  dress(roots, isOpen) {
    this.#drawnAtOnce = 0;
    for (const root of roots) {
      if (root.nodeType !== 1) continue;
      const element = /** @type {Element} */ (root);
      const isLast = isOpen && root === roots[roots.length - 1];
      for (const code of element.querySelectorAll("pre > code[class]")) {
        if (!isLast || !isAtEnd(code, element)) this.#addCode(code);
      }
      for (const formula of withRoot(element, ".math")) if (!formula.firstElementChild) this.#addFormula(formula);
    }
  }

  /** @param {Element} code */
  #addCode(code) {
    const length = code.textContent?.length ?? 0;
    if (code.firstElementChild || !length || length > LONGEST_CODE || !grammarFor(code) || this.#codes.includes(code)) return;
    this.#codes.push(code);
    if (!this.#isColouring) void this.#colourAll();
  }

  /** One after another, each in its own idle period. */
  async #colourAll() {
    this.#isColouring = true;
    for (let code; (code = this.#codes.shift()); ) await this.#colour(code).catch(() => {});
    this.#isColouring = false;
  }

  /** @param {Element} code */
  async #colour(code) {
    const grammar = grammarFor(code);
    if (!grammar) return;
    const syntax = await this.#loaders.syntax();
    const tree = await syntax.readCode(code.textContent ?? "", grammar);
    await new Promise((resolve) => this.#loaders.whenIdle(() => resolve(undefined)));
    if (!code.firstElementChild && !isSelected(code)) syntax.colourCode(code, tree);
  }

  /** @param {Element} formula */
  #addFormula(formula) {
    if (this.#mathml) this.#drawSoon(this.#mathml, formula);
    else if (this.#waiting) this.#waiting.push(formula);
    else void this.#loadMathml(formula);
  }

  /** @param {typeof import("./mathml.js")} mathml @param {Element} formula */
  #drawSoon(mathml, formula) {
    if (fits(this.#drawnAtOnce, formula) && !this.#formulas.length) {
      this.#drawnAtOnce += costOf(formula);
      draw(mathml, formula);
    } else if (this.#formulas.push(formula) === 1) {
      this.#loaders.whenIdle(() => this.#drawNext(mathml));
    }
  }

  /** @param {typeof import("./mathml.js")} mathml */
  #drawNext(mathml) {
    // The first stays in the queue until the rest of its batch is drawn, so that no second idle callback is requested.
    let count = 0;
    for (let cost = 0; count < this.#formulas.length && fits(cost, this.#formulas[count]); count += 1) {
      cost += costOf(this.#formulas[count]);
      draw(mathml, this.#formulas[count]);
    }
    this.#formulas.splice(0, count);
    if (this.#formulas.length) this.#loaders.whenIdle(() => this.#drawNext(mathml));
  }

  /** @param {Element} formula */
  async #loadMathml(formula) {
    const waiting = (this.#waiting = [formula]);
    try {
      const mathml = (this.#mathml = await this.#loaders.mathml());
      for (const each of waiting) this.#drawSoon(mathml, each);
    } catch {
      // The next formula retries.
    }
    this.#waiting = null;
  }
}

const pageLoaders = {
  syntax: () => import("./syntax.js"),
  mathml: () => import("./mathml.js"),
  /** @param {() => void} work */
  whenIdle: (work) => whenIdle(work, PATIENCE_MS),
};

/** @param {Element} formula */
const costOf = (formula) => COST_OF_EACH + (formula.getAttribute("data-tex") ?? "").length;

/** Whether it may be drawn together with others. @param {number} cost  of those @param {Element} formula */
const fits = (cost, formula) => !cost || cost + costOf(formula) <= TEX_AT_ONCE;

/** @param {typeof import("./mathml.js")} mathml @param {Element} formula */
function draw(mathml, formula) {
  const tex = formula.getAttribute("data-tex") ?? "";
  if (tex && !formula.firstElementChild) mathml.drawFormula(formula, tex, /\bmath-display\b/.test(formula.className));
}

/** @param {Element} code */
function grammarFor(code) {
  return grammarOf(code.getAttribute("class")?.replace("language-", "") ?? "");
}

/** @param {Element} element @param {string} selector */
function withRoot(element, selector) {
  return element.matches(selector) ? [element] : element.querySelectorAll(selector);
}

/** @param {Element} element @param {Element} root */
function isAtEnd(element, root) {
  let last = root.lastElementChild;
  while (last && last !== element) last = last.lastElementChild;
  return last === element;
}

/** Colours are not worth losing a selection. @param {Element} code */
function isSelected(code) {
  const selection = code.ownerDocument.defaultView?.getSelection?.();
  return Boolean(selection && !selection.isCollapsed && selection.containsNode(code, true));
}
