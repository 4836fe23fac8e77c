import { gettext, interpolate } from "./i18n.js";

/**
 * @param {number} seconds
 * @returns {string} `42 s`, `3 min`
 */
export function waitText(seconds) {
  return seconds < 100
    ? interpolate(gettext("%(number)s s"), { number: Math.ceil(seconds) })
    : interpolate(gettext("%(number)s min"), { number: Math.ceil(seconds / 60) });
}
