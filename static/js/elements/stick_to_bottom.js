const NEAR_PX = 70;

/**
 * Keeps a scroller at its end while its content grows, and lets go at the first sign that the person wants to read
 * above: a wheel or a finger moving up, a key, a drag of the scroll bar. Back near the end it holds on again.
 */
export class StickToBottom {
  #scroller;
  #content;
  #onChange;
  #stuck = true;
  #top = 0;
  #height = 0;
  #touchY = 0;
  #pressed = false;
  #sizes = new ResizeObserver(() => this.#resized());
  #listeners = new AbortController();

  /**
   * @param {object} options
   * @param {HTMLElement} options.scroller
   * @param {HTMLElement} options.content
   * @param {() => void} options.onChange called when it holds on or lets go, and when content grows unseen
   */
  constructor({ scroller, content, onChange }) {
    this.#scroller = scroller;
    this.#content = content;
    this.#onChange = onChange;
  }

  /** False while the person reads above the end. */
  get stuck() {
    return this.#stuck;
  }

  start() {
    const options = { signal: this.#listeners.signal, passive: true };
    this.#sizes.observe(this.#content);
    this.#sizes.observe(this.#scroller);
    this.#scroller.addEventListener("wheel", (event) => event.deltaY < 0 && this.#release(), options);
    this.#scroller.addEventListener("touchstart", (event) => (this.#touchY = event.touches[0].clientY), options);
    this.#scroller.addEventListener("touchmove", (event) => event.touches[0].clientY > this.#touchY && this.#release(), options);
    this.#scroller.addEventListener("scroll", () => this.#scrolled(), options);
    this.#scroller.addEventListener("pointerdown", () => (this.#pressed = true), options);
    document.addEventListener("pointerup", () => (this.#pressed = false), options);
    document.addEventListener("pointercancel", () => (this.#pressed = false), options);
  }

  stop() {
    this.#sizes.disconnect();
    this.#listeners.abort();
  }

  /** Goes to the end and holds on. */
  stick() {
    this.#set(true);
    this.#toEnd();
  }

  #resized() {
    const grew = this.#scroller.scrollHeight > this.#height;
    this.#height = this.#scroller.scrollHeight;
    if (this.#stuck && !this.#selecting) this.#toEnd();
    else if (grew) this.#onChange();
  }

  #scrolled() {
    const { scrollTop } = this.#scroller;
    const up = scrollTop < this.#top - 1;
    // Content that shrinks moves the scroller up as well: only a person's own move counts.
    const shrunk = this.#scroller.scrollHeight < this.#height;
    this.#top = scrollTop;
    this.#height = this.#scroller.scrollHeight;
    if (up && !shrunk && !this.#atEnd(1)) this.#release();
    else if (!up && this.#atEnd(NEAR_PX)) this.#set(true);
  }

  #release() {
    if (this.#scroller.scrollHeight > this.#scroller.clientHeight) this.#set(false);
  }

  /** @param {boolean} stuck */
  #set(stuck) {
    if (this.#stuck === stuck) return;
    this.#stuck = stuck;
    this.#onChange();
  }

  #toEnd() {
    this.#scroller.scrollTop = this.#scroller.scrollHeight;
    this.#top = this.#scroller.scrollTop;
  }

  /** @param {number} distance in CSS pixels */
  #atEnd(distance) {
    const { scrollTop, scrollHeight, clientHeight } = this.#scroller;
    return scrollHeight - scrollTop - clientHeight <= distance;
  }

  get #selecting() {
    return this.#pressed && !document.getSelection()?.isCollapsed;
  }
}
