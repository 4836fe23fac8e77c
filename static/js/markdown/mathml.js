/**
 * Draws TeX as MathML. Loaded with the first formula. Temml's tree is built here, element by element, so only the
 * elements named here reach the page. A formula that Temml cannot read, for whatever reason, stays its source.
 */

import temml from "../../vendor/temml-0.13.5/temml.js";
import { boundedAttribute, boundedStyle } from "./formula_lengths.js";
import { fitFormulasToPaper } from "./formulas_on_paper.js";

/** @typedef {{ type?: string, text?: string, href?: string, attributes?: Record<string, string>, children?: TreeNode[], classes?: string[], style?: Record<string, string> }} TreeNode */

const NAMESPACE = "http://www.w3.org/1998/Math/MathML";
const LONGEST_TEX = 8_000;
const MOST_NODES = 10_000;
const OPTIONS = { trust: false, strict: false, throwOnError: true, maxExpand: 200 };
// In em, and in points.
const MAX_SIZE = /** @type {[number, number]} */ ([20, 200]);

/** Everything Temml produces: one missing name would cost the whole formula. */
export const ELEMENTS = new Set(
  (
    "annotation maction math menclose mfrac mi mmultiscripts mn mo mover mpadded mphantom mprescripts mroot mrow ms mspace msqrt " +
    "mstyle msub msubsup msup mtable mtd mtext mtr munder munderover none semantics"
  ).split(" "),
);
const ATTRIBUTES = new Set(
  (
    "accent accentunder columnalign columnlines columnspacing depth display displaystyle fence form height largeop linebreak linethickness " +
    "lspace mathbackground mathcolor mathsize mathvariant maxsize minsize movablelimits notation rowlines rowspacing rspace scriptlevel " +
    "separator stretchy symmetric voffset width"
  ).split(" "),
);
/** Macros that models use and Temml lacks. */
const MACROS = {
  "\\mbox": "\\text{#1}",
  "\\intertext": "\\text{#1}",
  "\\ensuremath": "{#1}",
  "\\textsuperscript": "^{\\text{#1}}",
  "\\mathds": "\\mathbb{#1}",
  "\\abs": "\\left|#1\\right|",
  "\\norm": "\\left\\|#1\\right\\|",
  "\\ref": "\\text{#1}",
  "\\eqref": "(\\text{#1})",
  "\\R": "\\mathbb{R}",
  "\\N": "\\mathbb{N}",
  "\\Z": "\\mathbb{Z}",
  "\\Q": "\\mathbb{Q}",
  "\\C": "\\mathbb{C}",
  "\\celsius": "{}^\\circ\\text{C}",
};
const CHEMISTRY = /\\(?:ce|pu)\s*\{/;
const STYLES =
  /^(border(Top|Right|Bottom|Left)?|color|backgroundColor|display|fontFamily|fontStyle|fontWeight|fontSize|font-family|font-style|font-weight|height|justifyContent|marginLeft|marginRight|mathDepth|math-depth|mathStyle|padding(Top|Right|Bottom|Left)?|textAlign|verticalAlign|width)$/;
const STYLE_VALUE = /^[\w#.%,"' +-]{0,100}$/;
const CLASS = /^[a-z][\w-]{0,40}$/i;

let knowsChemistry = false;

fitFormulasToPaper();

/**
 * @param {Element} element  its content is replaced on success
 * @param {string} tex
 * @param {boolean} isDisplay
 * @returns {boolean} whether it is drawn now; chemical formulas may be drawn later
 */
export function drawFormula(element, tex, isDisplay) {
  if (tex.length > LONGEST_TEX) return false;
  if (!knowsChemistry && CHEMISTRY.test(tex)) {
    void drawWithChemistry(element, tex, isDisplay);
    return false;
  }
  try {
    const options = { ...OPTIONS, displayMode: isDisplay, maxSize: MAX_SIZE, macros: { ...MACROS } };
    const tree = /** @type {TreeNode} */ (temml.__renderToMathMLTree(readable(tex), options));
    element.replaceChildren(new Builder(element.ownerDocument).build(tree));
    return true;
  } catch {
    return false;
  }
}

/** @param {Element} element @param {string} tex @param {boolean} isDisplay */
async function drawWithChemistry(element, tex, isDisplay) {
  const source = element.textContent;
  await import("../../vendor/temml-0.13.5/mhchem.js").then(() => (knowsChemistry = true), () => {});
  if (knowsChemistry && element.textContent === source) drawFormula(element, tex, isDisplay);
}

/** A percent sign is literal: it does not start a comment. @param {string} tex */
function readable(tex) {
  return belowEachOther(tex)
    .replace(/(?<!\\)%/g, "\\%")
    .replace(/\\(begin|end)\{eqnarray(\*?)\}/g, "\\$1{align$2}")
    .replace(/\\require\s*\{[^{}]*\}/g, "");
}

/** Stacks formulas that are separated by empty lines. @param {string} tex */
function belowEachOther(tex) {
  const lines = tex.split(/\n\s*\n/);
  if (lines.length < 2) return tex;
  return /\\(?:begin|tag)\b/.test(tex) ? lines.join("\n") : `\\begin{gathered}${lines.join("\\\\\n")}\\end{gathered}`;
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
    // A formula with a link is not drawn at all.
    if (node.href !== undefined) throw new TypeError("Formulas must not contain links");
    if (typeof node.text === "string") return this.#document.createTextNode(node.text);
    const built = node.type ? this.#element(node, node.type) : this.#document.createDocumentFragment();
    for (const child of node.children ?? []) built.appendChild(this.build(child));
    return built;
  }

  /** @param {TreeNode} node @param {string} type */
  #element({ attributes = {}, classes = [], style = {} }, type) {
    if (!ELEMENTS.has(type)) throw new TypeError(`<${type}> is not allowed in formulas`);
    const element = /** @type {MathMLElement} */ (this.#document.createElementNS(NAMESPACE, type));
    for (const [name, value] of Object.entries(attributes)) {
      const bounded = ATTRIBUTES.has(name) ? boundedAttribute(name, String(value)) : null;
      // eslint-disable-next-line no-restricted-syntax -- the name is in the list above
      if (bounded !== null) element.setAttribute(name, bounded);
    }
    const names = classes.filter((name) => CLASS.test(name));
    if (names.length) element.setAttribute("class", names.join(" "));
    for (const [name, value] of Object.entries(style)) {
      const bounded = STYLES.test(name) && STYLE_VALUE.test(String(value)) ? boundedStyle(name, String(value)) : null;
      // eslint-disable-next-line no-restricted-syntax -- the name is in the list above
      if (bounded !== null) element.style.setProperty(hyphenated(name), bounded);
    }
    return element;
  }
}

/** @param {string} name */
function hyphenated(name) {
  return name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}
