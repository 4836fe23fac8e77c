/** Runs everything that only waits for the event loop. */
export async function settle() {
  for (let turn = 0; turn < 3; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}

/** A clock that stands still until advanced. */
export class ClockByHand {
  #now = 1_000_000;
  #timers = new Map();
  #last = 0;

  now() {
    return this.#now;
  }

  setTimeout(callback, ms) {
    this.#last += 1;
    this.#timers.set(this.#last, { at: this.#now + Math.max(0, ms), callback });
    return this.#last;
  }

  clearTimeout(timer) {
    this.#timers.delete(timer);
  }

  /** The number of pending timers. */
  get pending() {
    return this.#timers.size;
  }

  /** Runs the timers due within `ms`, in order, and settles promises in between. */
  async advance(ms) {
    await settle();
    const end = this.#now + ms;
    for (let next = this.#due(end); next; next = this.#due(end)) {
      const [id, { at, callback }] = next;
      this.#timers.delete(id);
      this.#now = Math.max(this.#now, at);
      callback();
      await settle();
    }
    this.#now = end;
  }

  #due(end) {
    const due = [...this.#timers].filter(([, { at }]) => at <= end);
    return due.sort(([a, first], [b, second]) => first.at - second.at || a - b)[0];
  }
}
