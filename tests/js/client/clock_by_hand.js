/** Lets everything run that waits for nothing but the event loop. */
export async function settle() {
  for (let turn = 0; turn < 3; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}

/** A clock that stands still until it is advanced. */
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

  /** How many timers are set. */
  get pending() {
    return this.#timers.size;
  }

  /** Runs what is due within `ms`, in order, and lets its promises settle in between. */
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
