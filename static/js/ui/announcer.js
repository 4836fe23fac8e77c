import { gettext, interpolate, ngettext } from "./i18n.js";

const PAUSE_MS = 2_000;

/** Speaks to screen readers through the page's one status region: one line at a time, the newest wins. */
export class Announcer {
  #region;
  #last = -Infinity;
  #waiting = "";
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;

  /** @param {HTMLElement} region with role "status" */
  constructor(region) {
    this.#region = region;
  }

  /** @param {string} text */
  say(text) {
    this.#waiting = text;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#speak(), Math.max(0, this.#last + PAUSE_MS - performance.now()));
  }

  #speak() {
    this.#last = performance.now();
    this.#region.textContent = this.#waiting;
  }
}

/** @param {string} text the answer @param {string} status how it ended */
export function spokenAnswer(text, status) {
  if (status === "error") return gettext("The answer failed");
  const count = text.match(/\S+/g)?.length ?? 0;
  const words = interpolate(ngettext("%(count)s word", "%(count)s words", count), { count });
  return `${status === "stopped" ? gettext("Answer stopped") : gettext("Answer ready")}, ${words}.`;
}
