/**
 * Limits the lengths in a formula. TeX has no limits: one `\raisebox{-99999em}` would make the page a mile long, and
 * one negative space would move a formula over other text. Each length is clamped to the limits of its kind; anything
 * that is not a length is dropped.
 */

const IN_EM = /** @type {Record<string, number>} */ ({ em: 1, ex: 0.45, mu: 1 / 18, pt: 0.1, px: 0.0625, pc: 1.2, mm: 0.28, cm: 2.8, in: 7.2, rem: 1, bp: 0.1 });
const LENGTH = /^([+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:e[+-]?\d+)?)([a-z]*|%)$/i;

const MOST_EM = 20;
// Up, down, and back over what comes before.
const MOST_SHIFT_EM = 5;
const LARGEST_FONT_EM = 3;
const THICKEST_LINE_EM = 0.5;

/** The range of each attribute or style, in em: from, to. @type {Record<string, [number, number]>} */
const LIMITS = {
  depth: [-MOST_SHIFT_EM, MOST_EM],
  height: [-MOST_SHIFT_EM, MOST_EM],
  width: [0, MOST_EM],
  voffset: [-MOST_SHIFT_EM, MOST_SHIFT_EM],
  lspace: [-MOST_SHIFT_EM, MOST_SHIFT_EM],
  rspace: [-MOST_SHIFT_EM, MOST_SHIFT_EM],
  linethickness: [0, THICKEST_LINE_EM],
  mathsize: [0.25, LARGEST_FONT_EM],
  fontSize: [0.25, LARGEST_FONT_EM],
  "font-size": [0.25, LARGEST_FONT_EM],
  minsize: [0, MOST_EM],
  maxsize: [0, MOST_EM],
  columnspacing: [0, MOST_SHIFT_EM],
  rowspacing: [0, MOST_SHIFT_EM],
  marginLeft: [-MOST_SHIFT_EM, MOST_EM],
  verticalAlign: [-MOST_SHIFT_EM, MOST_SHIFT_EM],
};
const PADDING = /** @type {[number, number]} */ ([0, MOST_SHIFT_EM]);
const BORDER = /** @type {[number, number]} */ ([0, THICKEST_LINE_EM]);

/** @param {string} name  MathML attribute @param {string} value @returns {string | null} null if it must be dropped */
export function boundedAttribute(name, value) {
  const limits = LIMITS[name];
  return limits ? bounded(value, limits) : value;
}

/**
 * @param {string} name  CSS property in camel case
 * @param {string} value
 * @returns {string | null} null if it must be dropped
 */
export function boundedStyle(name, value) {
  const limits = LIMITS[name] ?? (name.startsWith("padding") ? PADDING : name.startsWith("border") ? BORDER : undefined);
  return limits ? bounded(value, limits) : value;
}

/**
 * @param {string} value  one length, or several lengths and other words
 * @param {[number, number]} limits
 * @returns {string | null}
 */
function bounded(value, limits) {
  const words = value.trim().split(/\s+/).map((word) => (/^[+-]?[\d.]/.test(word) ? boundedLength(word, limits) : word));
  return words.includes(null) ? null : words.join(" ");
}

/** @param {string} word @param {[number, number]} limits @returns {string | null} */
function boundedLength(word, [least, most]) {
  const [, digits, unit] = LENGTH.exec(word) ?? [];
  const number = Number(digits);
  if (!Number.isFinite(number)) return null;
  // Left by its own width, as `\llap` does.
  if (unit === "width") return Math.abs(number) <= 1 ? word : null;
  if (unit === "%") return number >= 0 && number <= 100 ? word : null;
  const em = unit ? IN_EM[unit.toLowerCase()] : 1;
  if (!em) return null;
  if (number * em < least) return `${least}em`;
  if (number * em > most) return `${most}em`;
  return word;
}
