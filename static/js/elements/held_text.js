/** What blocks of text stand in. */
const HOLDERS = ".message, .message__body, .markdown-part";
const DRAWN = { contentVisibilityAuto: true };

/**
 * Holds the text that is read where it is on the screen, in browsers that do not do that by themselves. They lay out what
 * they have skipped when it comes into view: then it has another height than they had guessed.
 */
export class HeldText {
  #scroller;
  #list;
  /** @type {{ block: Element, offset: number, top: number, length: number } | null} */
  #read = null;

  /**
   * @param {HTMLElement} scroller
   * @param {HTMLElement} list of messages
   */
  constructor(scroller, list) {
    this.#scroller = scroller;
    this.#list = list;
  }

  /** From now on, what is read now is held. @param {boolean} held or nothing */
  note(held) {
    const block = held && this.#block;
    const { scrollTop, scrollHeight } = this.#scroller;
    this.#read = block ? { block, offset: this.#offsetOf(block), top: scrollTop, length: scrollHeight } : null;
  }

  /** Undoes what has moved the text, but not what the reader has scrolled since then. @returns {number} what it has scrolled */
  restore() {
    if (!this.#read?.block.isConnected) return 0;
    const { scrollTop, scrollHeight, clientHeight } = this.#scroller;
    // Where the text has become too short for the place, it is the browser that has scrolled.
    const cut = scrollHeight < this.#read.length && scrollHeight - clientHeight - scrollTop <= 1;
    const scrolled = cut ? 0 : scrollTop - this.#read.top;
    const moved = this.#offsetOf(this.#read.block) - this.#read.offset + scrolled;
    // As in scroll_view.js: not by a new scrollTop.
    if (Math.abs(moved) >= 1) this.#scroller.scrollBy(0, moved);
    return this.#scroller.scrollTop - scrollTop;
  }

  /** The first block that is drawn and in view, if only with its end; where none is, the first message. */
  get #block() {
    const { top, bottom } = this.#scroller.getBoundingClientRect();
    const messages = this.#list.children;
    let [low, high] = [0, messages.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (messages[middle].getBoundingClientRect().bottom > top) high = middle;
      else low = middle + 1;
    }
    return firstDrawn([...messages].slice(low), top, bottom) ?? messages[low] ?? null;
  }

  /** @param {Element} block */
  #offsetOf(block) {
    return block.getBoundingClientRect().top - this.#scroller.getBoundingClientRect().top;
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
