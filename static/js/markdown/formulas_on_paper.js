/**
 * Paper cannot scroll, and a formula cannot be broken: a formula that is too wide is printed smaller
 * (markdown_math.css).
 */

// An A4 page without its margins, minus the indent of a list.
const PAPER_PX = 580;
// The size of a display formula in print.css, 11 pt, rounded up.
const FONT_PX = 17;

/** @param {{ addEventListener?: typeof addEventListener }} [page]  absent outside a page */
export function fitFormulasToPaper(page = globalThis) {
  page.addEventListener?.("beforeprint", () => {
    const formulas = [...document.querySelectorAll(":is(.math-display, .math-long) > math")];
    const tenths = formulas.map((formula) => Math.floor((10 * PAPER_PX) / widthOf(formula)));
    for (const [index, formula] of formulas.entries()) {
      if (tenths[index] < 10) formula.setAttribute("data-fit", String(Math.max(1, tenths[index])));
    }
  });
}

/**
 * Its width on paper. A display formula's element is as wide as its container, whatever it contains.
 *
 * @param {Element} formula
 */
function widthOf(formula) {
  const content = document.createRange();
  content.selectNodeContents(formula);
  return (content.getBoundingClientRect().width / parseFloat(getComputedStyle(formula).fontSize)) * FONT_PX;
}
