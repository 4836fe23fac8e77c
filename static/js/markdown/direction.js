/**
 * The direction of a text: that of its first letter (UAX #9, rules P2 and P3), as with `dir="auto"`. It is determined
 * here, once, because for `dir="auto"` the browser scans the whole element again with every added child.
 */

const STRONG = /[\p{L}\p{Nl}\u061c\u200e\u200f]/u;
// Hebrew, Arabic and related scripts, and their marks.
const RIGHT_TO_LEFT = /[\u0590-\u08ff\u200f\ufb1d-\ufdff\ufe70-\ufefc\u{10800}-\u{10fff}\u{1e800}-\u{1efff}]/u;

/** @param {string} text @returns {"ltr" | "rtl" | ""} empty if it has no directional character */
export function directionOf(text) {
  const letter = STRONG.exec(text)?.[0];
  if (!letter) return "";
  return RIGHT_TO_LEFT.test(letter) ? "rtl" : "ltr";
}
