/** What blocks of text stand in. */
const HOLDERS = ".message, .message__body, .markdown-part";
const DRAWN = { contentVisibilityAuto: true };
/** What may begin a scrolling, and what goes on with it. */
const SIGNS = ["wheel", "touchmove", "keydown", "scroll"];
/** After as many frames without any of them, nothing scrolls any more. */
const STILL_FRAMES = 10;

/**
 * Holds the text that is read where it is on the screen, in browsers that do not do that by themselves. They lay out what
 * they have skipped when it comes into view: then it has another height than they had guessed.
 *
 * While somebody scrolls, the text is not scrolled back, as that ends a key's scrolling in Safari: all of it is shifted, by
 * a margin above it. Once it is still, the shift is made a scrolling, which nobody sees.
 */
export class HeldText {
  #scroller;
  #view;
  #onSettled;
  /** @type {{ block: Element, offset: number, top: number, length: number } | null} */
  #read = null;
  /** So far the text is up from where it belongs. */
  #shift = 0;
  #sheet = new CSSStyleSheet();
  /** Frames until it is still. */
  #frames = 0;

  /**
   * @param {HTMLElement} scroller
   * @param {import("./scroll_view.js").ScrollView} view of it
   * @param {AbortSignal} signal ends it
   * @param {() => void} onSettled is called when it has scrolled by itself
   */
  constructor(scroller, view, signal, onSettled) {
    this.#scroller = scroller;
    this.#view = view;
    this.#onSettled = onSettled;
    document.adoptedStyleSheets.push(this.#sheet);
    // Keys are heard wherever the focus is: a browser scrolls what was clicked last.
    for (const sign of SIGNS) document.addEventListener(sign, this.#moves, { signal, passive: true, capture: true });
    signal.addEventListener("abort", () => {
      document.adoptedStyleSheets = document.adoptedStyleSheets.filter((sheet) => sheet !== this.#sheet);
    });
  }

  /** Another text: where it was scrolled to does not matter. */
  reset() {
    this.#read = null;
    this.#shiftTo(0);
  }

  /** From now on, what is read now is held. @param {boolean} held or nothing */
  note(held) {
    const block = held && this.#block;
    const { scrollTop, scrollHeight } = this.#scroller;
    this.#read = block ? { block, offset: this.#view.offsetOf(block), top: scrollTop, length: scrollHeight } : null;
  }

  /** Undoes what has moved the text, but not what the reader has scrolled since then. @returns {number} what it has scrolled */
  restore() {
    if (!this.#read?.block.isConnected) return 0;
    const { scrollTop, scrollHeight, clientHeight } = this.#scroller;
    // Where the text has become too short for the place, it is the browser that has scrolled.
    const cut = scrollHeight < this.#read.length && scrollHeight - clientHeight - scrollTop <= 1;
    const scrolled = cut ? 0 : scrollTop - this.#read.top;
    const moved = this.#view.offsetOf(this.#read.block) - this.#read.offset + scrolled;
    this.scrollBy(moved);
    return this.#scroller.scrollTop - scrollTop;
  }

  /** Moves the text, but ends no scrolling that is under way. @param {number} distance */
  scrollBy(distance) {
    if (Math.abs(distance) < 1) return;
    if (this.#frames) this.#shiftTo(this.#shift + distance);
    else this.#scroller.scrollBy(0, distance);
  }

  #moves = (/** @type {Event} */ { type, target }) => {
    if (type === "scroll" && target !== this.#scroller) return;
    if (!this.#frames) requestAnimationFrame(this.#count);
    this.#frames = STILL_FRAMES;
    // What has been shifted out at the top cannot be scrolled to.
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
    // The longer text first, so that there is room for the scrolling.
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

  /** The first block that is drawn and in view, if only with its end; where none is, the first message. */
  get #block() {
    const first = this.#view.firstVisible;
    const { top, bottom } = this.#scroller.getBoundingClientRect();
    return (first && firstDrawn(from(first), top, bottom)) ?? first ?? null;
  }
}

/**
 * What is skipped is not looked into: it would be laid out for that. Nor is it held itself, as where it ends is a guess.
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

/** @param {Element} element @returns {Iterable<Element>} it, and its siblings below */
function* from(element) {
  for (let next = /** @type {Element | null} */ (element); next; next = next.nextElementSibling) yield next;
}
