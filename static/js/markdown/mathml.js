/**
 * Draws TeX as MathML. Loaded with the first formula. Temml's tree is built here, element by element, so that nothing gets
 * into the page that is not named here; a formula that it cannot read, however it fails, stays its source.
 */

import temml from "../../vendor/temml-0.13.5/temml.js";
import { boundedAttribute, boundedStyle } from "./formula_lengths.js";

/** @typedef {{ type?: string, text?: string, attributes?: Record<string, string>, children?: TreeNode[], classes?: string[], style?: Record<string, string> }} TreeNode */

const NAMESPACE = "http://www.w3.org/1998/Math/MathML";
const LONGEST_TEX = 8_000;
const MOST_NODES = 10_000;
const OPTIONS = { trust: false, strict: false, throwOnError: true, maxExpand: 200 };
// In em, and in points.
const MAX_SIZE = /** @type {[number, number]} */ ([20, 200]);

const ELEMENTS = new Set(
  (
    "math mfrac mi mmultiscripts mn mo mover mpadded mphantom mprescripts mroot mrow mspace msqrt mstyle msub msubsup msup " +
    "mtable mtd mtext mtr munder munderover none"
  ).split(" "),
);
const ATTRIBUTES = new Set(
  (
    "accent accentunder columnalign columnlines columnspacing depth display displaystyle fence form height largeop linebreak linethickness " +
    "lspace mathbackground mathcolor mathsize mathvariant maxsize minsize movablelimits rowlines rowspacing rspace scriptlevel " +
    "separator stretchy symmetric voffset width"
  ).split(" "),
);
const STYLES =
  /^(border(Top|Right|Bottom|Left)?|color|backgroundColor|display|fontFamily|fontStyle|fontWeight|fontSize|font-family|font-style|font-weight|height|justifyContent|marginLeft|marginRight|mathDepth|math-depth|mathStyle|padding(Top|Right|Bottom|Left)?|textAlign|verticalAlign|width)$/;
const STYLE_VALUE = /^[\w#.%,"' +-]{0,100}$/;
const CLASS = /^[a-z][\w-]{0,40}$/i;

/**
 * @param {Element} element  its content is replaced, if that succeeds
 * @param {string} tex
 * @param {boolean} isDisplay
 * @returns {boolean} whether it is drawn now
 */
export function drawFormula(element, tex, isDisplay) {
  if (tex.length > LONGEST_TEX) return false;
  try {
    const options = { ...OPTIONS, displayMode: isDisplay, maxSize: MAX_SIZE, macros: {} };
    const tree = /** @type {TreeNode} */ (temml.__renderToMathMLTree(tex, options));
    element.replaceChildren(new Builder(element.ownerDocument).build(tree));
    return true;
  } catch {
    return false;
  }
}

class Builder {
  #document;
  #count = 0;

  /** @param {Document} document */
  constructor(document) {
    this.#document = document;
  }

  /** @param {TreeNode} node @returns {Node} */
  build(node) {
    if ((this.#count += 1) > MOST_NODES) throw new RangeError("The formula is too long");
    if (typeof node.text === "string") return this.#document.createTextNode(node.text);
    const built = node.type ? this.#element(node, node.type) : this.#document.createDocumentFragment();
    for (const child of node.children ?? []) built.appendChild(this.build(child));
    return built;
  }

  /** @param {TreeNode} node @param {string} type */
  #element({ attributes = {}, classes = [], style = {} }, type) {
    if (!ELEMENTS.has(type)) throw new TypeError(`<${type}> is not drawn here`);
    const element = /** @type {MathMLElement} */ (this.#document.createElementNS(NAMESPACE, type));
    for (const [name, value] of Object.entries(attributes)) {
      const bounded = ATTRIBUTES.has(name) ? boundedAttribute(name, String(value)) : null;
      // eslint-disable-next-line no-restricted-syntax -- the name is one of the list above
      if (bounded !== null) element.setAttribute(name, bounded);
    }
    const names = classes.filter((name) => CLASS.test(name));
    if (names.length) element.setAttribute("class", names.join(" "));
    for (const [name, value] of Object.entries(style)) {
      const bounded = STYLES.test(name) && STYLE_VALUE.test(String(value)) ? boundedStyle(name, String(value)) : null;
      // eslint-disable-next-line no-restricted-syntax -- one of the list above
      if (bounded !== null) element.style.setProperty(hyphenated(name), bounded);
    }
    return element;
  }
}

/** @param {string} name */
function hyphenated(name) {
  return name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}
