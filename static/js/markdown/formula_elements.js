/** The place of a formula: its source as it was written, until it is drawn (mathml.js), and for good if it cannot be. */

/** @param {Document} document @param {import("./parser.js").Token} token  of formulas.js */
export function createFormula(document, { type, content, info, markup }) {
  const element = document.createElement(type === "formula_block" ? "div" : "span");
  element.setAttribute("class", info === "display" ? "math math-display" : "math");
  element.setAttribute("dir", "ltr");
  element.setAttribute("translate", "no");
  // It may be wider than the page, and scrolls by itself.
  if (info === "display") element.setAttribute("tabindex", "0");
  element.setAttribute("data-tex", content);
  element.append(markup);
  return element;
}
