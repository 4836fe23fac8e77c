/** Measures a scroller with messages, in CSS pixels from its upper edge. */
export class ScrollView {
  #scroller;
  #content;
  #reserve;

  /**
   * @param {object} elements
   * @param {HTMLElement} elements.scroller
   * @param {HTMLElement} elements.content
   * @param {HTMLElement} elements.list list of messages, within the content
   * @param {Element} elements.reserve an SVG element after the content, which makes room below the last message
   */
  constructor({ scroller, content, list, reserve }) {
    this.#scroller = scroller;
    this.#content = content;
    this.#reserve = reserve;
    this.list = list;
  }

  get height() {
    return this.#scroller.clientHeight;
  }

  get length() {
    return this.#scroller.scrollHeight;
  }

  get top() {
    return this.#scroller.scrollTop;
  }

  /** How far the last line is below the lower edge; negative if above it. */
  get below() {
    return this.#content.getBoundingClientRect().bottom - this.#scroller.getBoundingClientRect().bottom;
  }

  /** The remaining distance to scroll, including the reserve. */
  get rest() {
    return this.length - this.top - this.height;
  }

  /** Whether some of the text is selected. */
  get selecting() {
    const selection = document.getSelection();
    return Boolean(selection && !selection.isCollapsed && this.#content.contains(selection.anchorNode));
  }

  /** The first message in view, even partly. @returns {Element | undefined} */
  get firstVisible() {
    const { top } = this.#scroller.getBoundingClientRect();
    const messages = this.list.children;
    let [low, high] = [0, messages.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (messages[middle].getBoundingClientRect().bottom > top) high = middle;
      else low = middle + 1;
    }
    return messages[low];
  }

  /** Whether it has been scrolled out at the top. @param {Element} element */
  isAbove(element) {
    return element.getBoundingClientRect().bottom <= this.#scroller.getBoundingClientRect().top;
  }

  /** @param {Element} element */
  offsetOf(element) {
    return element.getBoundingClientRect().top - this.#scroller.getBoundingClientRect().top;
  }

  toEnd() {
    // In Firefox, setting even the same scrollTop ends a scroll in progress.
    if (this.rest >= 1) this.#scroller.scrollTop = this.length;
  }

  /** @param {number} distance */
  scrollBy(distance) {
    // In Firefox, a scroll in progress continues after scrollBy, but ends when scrollTop is set.
    if (Math.abs(distance) >= 1) this.#scroller.scrollBy(0, distance);
  }

  /**
   * Makes just enough room below the last message for an element to be at an offset.
   *
   * @param {Element | null} element null for no room
   * @param {number} offset
   */
  reserveFor(element, offset) {
    const below = element ? this.#content.getBoundingClientRect().bottom - element.getBoundingClientRect().top : Infinity;
    const room = Math.ceil(Math.max(0, this.height - offset - below));
    // An attribute, because a height in a style would be an inline style.
    if (this.#reserve.getAttribute("height") !== String(room)) this.#reserve.setAttribute("height", String(room));
  }
}
