/** The maximum number of messages in the page: layout, selection and memory stay those of a short conversation. */
const MOST = 300;
/** How far the maximum may be exceeded before the far end is trimmed, so that it is not trimmed at every step. */
const SLACK = 20;

/**
 * @typedef {object} Entry a message in the transcript, drawn or not
 * @property {string} key
 * @property {string | null} parent the key of the message above it
 * @property {HTMLElement | null} element while it is drawn; always, if there is no `make`
 * @property {(() => HTMLElement) | null} make draws it again
 */

/**
 * All known messages of the shown branch, of which a contiguous run is drawn into a list. The rest is drawn when
 * scrolled to, from memory, not from the server.
 */
export class MessageWindow {
  #list;
  /** @type {Entry[]} */
  #entries = [];
  /** Drawn: from `#first` up to, but not including, `#end`. */
  #first = 0;
  #end = 0;

  /** @param {HTMLElement} list */
  constructor(list) {
    this.#list = list;
  }

  /** Oldest first. @returns {readonly Entry[]} */
  get entries() {
    return this.#entries;
  }

  get drawn() {
    return this.#end - this.#first;
  }

  get full() {
    return this.drawn >= MOST;
  }

  /** Whether there are older messages that are not drawn. */
  get hasOlder() {
    return this.#first > 0;
  }

  get hasNewer() {
    return this.#end < this.#entries.length;
  }

  clear() {
    this.#entries = [];
    this.#first = this.#end = 0;
    this.#list.replaceChildren();
  }

  /** @param {Entry[]} entries older than all others; not drawn yet */
  prepend(entries) {
    this.#entries.unshift(...entries);
    this.#first += entries.length;
    this.#end += entries.length;
  }

  /** @param {Entry[]} entries newer than all others; drawn if the end is @param {{ draw?: boolean }} [options] */
  append(entries, { draw = !this.hasNewer } = {}) {
    this.#entries.push(...entries);
    if (draw) this.drawNewer(entries.length);
  }

  /**
   * Removes the message below `parent` and everything after it.
   *
   * @param {string | null} parent null: everything
   * @returns {Entry[]} the removed entries
   */
  cutBelow(parent) {
    const index = parent === null ? 0 : this.#placeBelow(parent);
    this.#undraw(Math.max(index, this.#first), this.#end);
    this.#end = Math.min(this.#end, index);
    this.#first = Math.min(this.#first, index);
    return this.#entries.splice(index);
  }

  /** Removes messages, wherever they are. @param {Element[]} elements */
  take(elements) {
    for (const element of elements) {
      const index = this.#entries.findIndex((entry) => entry.element === element);
      if (index < 0) continue;
      element.remove();
      this.#entries.splice(index, 1);
      if (index < this.#first) this.#first -= 1;
      if (index < this.#end) this.#end -= 1;
    }
  }

  /** @param {string} key */
  indexOf(key) {
    return this.#entries.findIndex((entry) => entry.key === key);
  }

  /** @param {number} count */
  drawOlder(count) {
    const from = Math.max(0, this.#first - count);
    this.#list.prepend(...this.#draw(from, this.#first));
    this.#first = from;
  }

  /** @param {number} count */
  drawNewer(count) {
    const to = Math.min(this.#entries.length, this.#end + count);
    this.#list.append(...this.#draw(this.#end, to));
    this.#end = to;
  }

  /** Redraws only `count` messages, ending with the given one or the last. @param {number} count @param {number} [last] */
  drawOnly(count, last = this.#entries.length - 1) {
    this.#undraw(this.#first, this.#end);
    this.#first = this.#end = Math.max(0, last + 1 - count);
    this.drawNewer(Math.min(count, last + 1));
  }

  /** Trims the upper end if too much is drawn. @returns {boolean} whether it did */
  trimOlder() {
    if (this.drawn <= MOST + SLACK) return false;
    const first = this.#end - MOST;
    this.#undraw(this.#first, first);
    this.#first = first;
    return true;
  }

  /** Trims the lower end if too much is drawn. @returns {boolean} whether it did */
  trimNewer() {
    if (this.drawn <= MOST + SLACK) return false;
    const end = this.#first + MOST;
    this.#undraw(end, this.#end);
    this.#end = end;
    return true;
  }

  /** If the parent is not known, it is above all known messages. @param {string} parent */
  #placeBelow(parent) {
    const above = this.indexOf(parent);
    if (above >= 0) return above + 1;
    const index = this.#entries.findIndex((entry) => entry.parent === parent);
    return index < 0 ? this.#entries.length : index;
  }

  /**
   * @param {number} from
   * @param {number} to
   */
  #draw(from, to) {
    return this.#entries.slice(from, to).map((entry) => {
      entry.element ??= /** @type {() => HTMLElement} */ (entry.make)();
      return entry.element;
    });
  }

  /**
   * @param {number} from
   * @param {number} to
   */
  #undraw(from, to) {
    for (const entry of this.#entries.slice(from, to)) {
      entry.element?.remove();
      if (entry.make) entry.element = null;
    }
  }
}
