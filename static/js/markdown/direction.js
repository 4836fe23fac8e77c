/**
 * The direction of a text: that of its first letter (UAX #9, rules P2 and P3), as `dir="auto"` has it. It is worked out here,
 * once: a browser looks through the whole of an element again with each child that it gets.
 */

const STRONG = /[\p{L}\p{Nl}\u061c\u200e\u200f]/u;
// Hebrew, Arabic, and what is written like them; their marks.
const RIGHT_TO_LEFT = /[\u0590-\u08ff\u200f\ufb1d-\ufdff\ufe70-\ufefc\u{10800}-\u{10fff}\u{1e800}-\u{1efff}]/u;

/** @param {string} text @returns {"ltr" | "rtl" | ""} empty if nothing in it has a direction */
export function directionOf(text) {
  const letter = STRONG.exec(text)?.[0];
  if (!letter) return "";
  return RIGHT_TO_LEFT.test(letter) ? "rtl" : "ltr";
}
