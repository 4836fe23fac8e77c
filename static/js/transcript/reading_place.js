import { PressedPointer, watchUpwardMoves } from "./reading_moves.js";
import { ScrollView } from "./scroll_view.js";

/** Within this distance, the reader counts as being at the end. */
const NEAR_PX = 70;
/** Between the upper edge and a question just sent. */
const PIN_OFFSET_PX = 12;
/** If a question is taller than this share of the screen, only its end is shown, so that the answer is visible. */
const TALLEST_SHARE = 0.4;

/**
 * Controls the scroll position of a growing text. Only the reader moves it, with two exceptions.
 *
 * A reader at the end follows it. A question just sent is pinned to the top, with enough room below to stay there; its
 * answer grows into that room without moving. Moving up by wheel, touch or key ends both at once, and so does a
 * selection. What the reader opens, such as a tool call, stays where it is: the end is not followed any more.
 */
export class ReadingPlace {
  /** While more follows than is drawn, the end of what is drawn is not the end. */
  partial = false;
  #scroller;
  #content;
  #view;
  #onChange;
  #following = true;
  /** @type {{ element: Element, offset: number } | null} */
  #pin = null;
  /** Whether the pinned element is still where it was put. */
  #pinned = false;
  #top = 0;
  #length = 0;
  /** Whether the browser supports scroll anchoring. */
  #holds;
  /** For browsers without scroll anchoring. @type {import("./held_text.js").HeldText | null} */
  #held = null;
  #sizes = new ResizeObserver(() => this.#resized());
  #listeners = new AbortController();
  #pointer;

  /**
   * @param {ConstructorParameters<typeof ScrollView>[0] & { onChange: (grown: boolean) => void }} options `onChange`
   *   is called when the position or the length has changed; `grown`: by more text
   */
  constructor({ onChange, ...elements }) {
    this.#scroller = elements.scroller;
    this.#content = elements.content;
    this.#view = new ScrollView(elements);
    this.#pointer = new PressedPointer(elements.scroller, this.#listeners.signal);
    // Safari has no scroll anchoring, and Firefox none for content that it skips out of view.
    this.#holds = getComputedStyle(this.#scroller).overflowAnchor === "auto";
    if (!this.#holds) void this.#holdText();
    this.#onChange = onChange;
  }

  start() {
    const { signal } = this.#listeners;
    this.#sizes.observe(this.#content);
    this.#sizes.observe(this.#scroller);
    this.#scroller.addEventListener("scroll", () => this.#scrolled(), { signal, passive: true });
    this.#scroller.addEventListener("click", ({ target }) => this.#clicked(target), { signal });
    watchUpwardMoves(this.#scroller, () => this.#release(), signal);
  }

  stop() {
    this.#sizes.disconnect();
    this.#listeners.abort();
  }

  /** Whether the growing end stays in view. */
  get following() {
    return this.#following;
  }

  /** Whether the last line is in view, or nearly so. */
  get atEnd() {
    return !this.partial && this.#view.below <= NEAR_PX;
  }

  /** Scrolls to the end and stays there. */
  follow() {
    this.#following = true;
    this.#pinned = false;
    this.#toEnd();
    this.#onChange(false);
  }

  /** For another conversation: nothing is pinned, and its end is followed. */
  reset() {
    this.#pin = null;
    this.#pinned = false;
    this.#following = true;
    this.#held?.reset();
    this.#view.reserveFor(null, 0);
  }

  /** Moves a message to the top of the screen, and keeps it there while the text below grows. @param {Element} element */
  pin(element) {
    const room = this.#view.height * TALLEST_SHARE;
    this.#hold(element, Math.min(PIN_OFFSET_PX, room - element.getBoundingClientRect().height));
  }

  /** Scrolls a message into the upper part of the screen. @param {Element} element */
  show(element) {
    this.#hold(element, this.#view.height / 6);
  }

  /** Changes the size of a part of a message without moving what is below it. @param {Element} part @param {() => void} change */
  keepBelow(part, change) {
    this.keep(change, this.#view.isAbove(part) ? part.nextElementSibling : null);
  }

  /** Changes what is drawn without moving what is being read. @param {() => void} change @param {Element | null} [read] */
  keep(change, read = null) {
    this.#notice();
    this.#restore();
    const anchor = read ?? this.#view.firstVisible;
    const before = anchor ? this.#view.offsetOf(anchor) : 0;
    change();
    this.#resizeReserve();
    if (this.#following) this.#toEnd();
    else if (this.#pinned) this.#toPin();
    else if (anchor?.isConnected) this.#scrollBy(this.#view.offsetOf(anchor) - before, this.#held ?? this.#view);
    this.#remember();
  }

  /**
   * Replaces an element in the same position on the screen, with as much room below as that needs.
   *
   * @param {Element} before
   * @param {() => Element | null} change returns the new element
   */
  replace(before, change) {
    const offset = this.#view.offsetOf(before);
    const after = change();
    if (after) this.#hold(after, offset);
  }

  /**
   * @param {Element} element
   * @param {number} offset distance of its upper edge from the screen's
   */
  #hold(element, offset) {
    this.#pin = { element, offset };
    this.#pinned = true;
    this.#following = false;
    this.#resizeReserve();
    this.#toPin();
    this.#onChange(false);
  }

  async #holdText() {
    const text = await import("./held_text.js").catch(() => null);
    if (!text) return;
    this.#held = new text.HeldText(this.#scroller, this.#view, this.#listeners.signal, () => {
      this.#note();
      this.#remember();
    });
  }

  #resized() {
    const grown = this.#view.length > this.#length;
    this.#notice();
    this.#resizeReserve();
    if (this.#view.selecting) this.#following = this.#pinned = false;
    if (this.#following) this.#toEnd();
    else if (this.#pinned) this.#toPin();
    else this.#restore();
    this.#remember();
    this.#length = this.#view.length;
    this.#onChange(grown);
  }

  /** The reader may have just scrolled up, for example by the scroll bar: the event comes with the next frame. */
  #notice() {
    const { top, length, rest } = this.#view;
    if (top < this.#top - 1 && length >= this.#length && rest > 1 && !this.#isCut(top)) this.#following = this.#pinned = false;
  }

  /**
   * Firefox and Safari first lay out new content at an estimated, shorter height, clamp the scroll position, and lay it
   * out again, often longer than before. That is not a move of the reader, who rarely scrolls more than a screen at
   * once, and of whose other moves up within a growing text only the scroll bar's have not been reported already.
   *
   * @param {number} top
   */
  #isCut(top) {
    if (this.#holds) return false;
    const { height, length } = this.#view;
    return this.#top - top > height || (length > this.#length && !this.#pointer.pressed);
  }

  /** The resulting scroll is not the reader's. */
  #restore() {
    this.#top += this.#held?.restore() ?? 0;
  }

  #scrolled() {
    this.#restore();
    const { top, length, rest } = this.#view;
    const up = top < this.#top - 1;
    const moved = Math.abs(top - this.#top) > 1;
    // Shrinking content also moves the scroller up: only the reader's own moves count. It may have grown again since.
    const shrunk = length < this.#length || (length > this.#length && this.#isCut(top));
    this.#top = top;
    this.#length = length;
    if (moved && !shrunk && !this.#stands) this.#pinned = false;
    if (up && !shrunk && rest > 1) this.#release();
    else if (moved && !up && !this.#pinned && !this.partial && rest <= NEAR_PX) this.#following = true;
    this.#remember();
    this.#onChange(false);
  }

  #release() {
    if (this.#view.length <= this.#view.height) return;
    this.#following = this.#pinned = false;
    this.#remember();
    this.#onChange(false);
  }

  /** @param {EventTarget | null} target */
  #clicked(target) {
    if (target instanceof Element && target.closest("summary")) this.#following = false;
  }

  #resizeReserve() {
    if (this.#pin && !this.#pin.element.isConnected) this.#pin = null;
    this.#view.reserveFor(this.#pin?.element ?? null, this.#pin?.offset ?? 0);
  }

  #toEnd() {
    this.#view.toEnd();
    this.#note();
  }

  #toPin() {
    if (this.#pin) this.#scrollBy(this.#view.offsetOf(this.#pin.element) - this.#pin.offset);
  }

  /** @param {number} distance @param {{ scrollBy: (distance: number) => void }} view */
  #scrollBy(distance, view = this.#view) {
    view.scrollBy(distance);
    this.#note();
  }

  #note() {
    this.#top = this.#view.top;
    this.#length = this.#view.length;
  }

  #remember() {
    this.#held?.note(!this.#following && !this.#pinned);
  }

  get #stands() {
    return this.#pin && Math.abs(this.#view.offsetOf(this.#pin.element) - this.#pin.offset) <= 2;
  }
}
