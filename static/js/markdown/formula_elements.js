/** The element of a formula: shows its source as written until it is drawn (mathml.js), or for good if it cannot be. */

// In characters of TeX: a formula this short is certainly narrower than a phone.
const LONGEST_NARROW = 24;

/** @param {Document} document @param {import("./parser.js").Token} token  from formulas.js */
export function createFormula(document, { type, content, info, markup }) {
  const element = document.createElement(type === "formula_block" ? "div" : "span");
  const kind = info === "display" ? " math-display" : content.length > LONGEST_NARROW ? " math-long" : "";
  element.setAttribute("class", `math${kind}`);
  element.setAttribute("dir", "ltr");
  element.setAttribute("translate", "no");
  // It may be wider than the page, and then scrolls by itself.
  if (kind) element.setAttribute("tabindex", "0");
  element.setAttribute("data-tex", content);
  element.append(markup);
  return element;
}
