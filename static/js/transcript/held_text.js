/** Containers of text blocks. */
const HOLDERS = ".message, .message__parts, .agent, .agent__parts, .message__body, .markdown-part";
const DRAWN = { contentVisibilityAuto: true };
/** Events that start or continue scrolling. */
const SIGNS = ["wheel", "touchmove", "keydown", "scroll"];
/** After this many frames without any of them, scrolling has stopped. */
const STILL_FRAMES = 10;

/**
 * Keeps the text being read in place on the screen, in browsers without scroll anchoring. They lay out skipped content
 * only when it comes into view, and its height then differs from their estimate.
 *
 * During scrolling the text is not scrolled back, because that would end keyboard scrolling in Safari; instead, a
 * margin above shifts all of it. Once scrolling has stopped, the shift is converted into an invisible scroll.
 */
export class HeldText {
  #scroller;
  #view;
  #onSettled;
  /** @type {{ block: Element, offset: number, top: number, length: number } | null} */
  #read = null;
  /** How far the text is shifted up from its natural position. */
  #shift = 0;
  #sheet = new CSSStyleSheet();
  /** Frames until scrolling counts as stopped. */
  #frames = 0;

  /**
   * @param {HTMLElement} scroller
   * @param {import("./scroll_view.js").ScrollView} view its measurements
   * @param {AbortSignal} signal stops it
   * @param {() => void} onSettled called after it has scrolled
   */
  constructor(scroller, view, signal, onSettled) {
    this.#scroller = scroller;
    this.#view = view;
    this.#onSettled = onSettled;
    document.adoptedStyleSheets.push(this.#sheet);
    // Listen to keys wherever the focus is: a browser scrolls what was clicked last.
    for (const sign of SIGNS) document.addEventListener(sign, this.#moves, { signal, passive: true, capture: true });
    signal.addEventListener("abort", () => {
      document.adoptedStyleSheets = document.adoptedStyleSheets.filter((sheet) => sheet !== this.#sheet);
    });
  }

  /** The text was replaced: its scroll position no longer matters. */
  reset() {
    this.#read = null;
    this.#shiftTo(0);
  }

  /** Starts holding what is being read now, or nothing. @param {boolean} held */
  note(held) {
    const block = held && this.#block;
    const { scrollTop, scrollHeight } = this.#scroller;
    this.#read = block ? { block, offset: this.#view.offsetOf(block), top: scrollTop, length: scrollHeight } : null;
  }

  /** Undoes movements of the text, but not the reader's scrolling since then. @returns {number} the distance scrolled */
  restore() {
    if (!this.#read?.block.isConnected) return 0;
    const { scrollTop, scrollHeight, clientHeight } = this.#scroller;
    // If the text has become too short for its position, the browser has scrolled.
    const cut = scrollHeight < this.#read.length && scrollHeight - clientHeight - scrollTop <= 1;
    const scrolled = cut ? 0 : scrollTop - this.#read.top;
    const moved = this.#view.offsetOf(this.#read.block) - this.#read.offset + scrolled;
    this.scrollBy(moved);
    return this.#scroller.scrollTop - scrollTop;
  }

  /** Moves the text without ending a scroll in progress. @param {number} distance */
  scrollBy(distance) {
    if (Math.abs(distance) < 1) return;
    if (this.#frames) this.#shiftTo(this.#shift + distance);
    else this.#scroller.scrollBy(0, distance);
  }

  #moves = (/** @type {Event} */ { type, target }) => {
    if (type === "scroll" && target !== this.#scroller) return;
    if (!this.#frames) requestAnimationFrame(this.#count);
    this.#frames = STILL_FRAMES;
    // Text shifted out at the top cannot be scrolled to.
    if (type === "scroll" && this.#scroller.scrollTop <= 1) this.#settle();
  };

  #count = () => {
    this.#frames -= 1;
    if (this.#frames) requestAnimationFrame(this.#count);
    else this.#settle();
  };

  #settle() {
    if (!this.#shift) return;
    this.restore();
    const shift = this.#shift;
    // Lengthen the text first, so that there is room to scroll.
    if (shift < 0) this.#scroller.scrollBy(0, shift);
    this.#shiftTo(0);
    if (shift > 0) this.#scroller.scrollBy(0, shift);
    this.#onSettled();
  }

  /** @param {number} shift */
  #shiftTo(shift) {
    if (this.#shift === shift) return;
    this.#shift = shift;
    this.#sheet.replaceSync(shift ? `.transcript__content { margin-block-start: ${-shift}px }` : "");
  }

  /** The first drawn block in view, even partly; if there is none, the first message. */
  get #block() {
    const first = this.#view.firstVisible;
    const { top, bottom } = this.#scroller.getBoundingClientRect();
    return (first && firstDrawn(from(first), top, bottom)) ?? first ?? null;
  }
}

/**
 * Skipped content is not inspected, which would force its layout. Nor is it held itself, because its end is only an
 * estimate.
 *
 * @param {Iterable<Element>} elements @param {number} top @param {number} bottom
 * @returns {Element | null}
 */
function firstDrawn(elements, top, bottom) {
  for (const element of elements) {
    if (!element.checkVisibility(DRAWN)) continue;
    const place = element.getBoundingClientRect();
    if (place.top > bottom) break;
    if (place.bottom <= top) continue;
    const holds = element.matches(HOLDERS) && element.firstElementChild;
    const found = holds ? firstDrawn(element.children, top, bottom) : element;
    if (found) return found;
  }
  return null;
}

/** @param {Element} element @returns {Iterable<Element>} the element and the siblings below it */
function* from(element) {
  for (let next = /** @type {Element | null} */ (element); next; next = next.nextElementSibling) yield next;
}
