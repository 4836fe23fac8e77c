/** On paper nothing scrolls, and a formula cannot be broken: one that is wider is printed smaller (markdown_math.css). */

// An A4 page without its margins, less the indent of a list.
const PAPER_PX = 580;
// Of a formula that stands by itself, as print.css has it: 11 pt, and a bit.
const FONT_PX = 17;

/** @param {{ addEventListener?: typeof addEventListener }} [page]  none where there is no page */
export function fitFormulasToPaper(page = globalThis) {
  page.addEventListener?.("beforeprint", () => {
    const formulas = [...document.querySelectorAll(":is(.math-display, .math-long) > math")];
    const tenths = formulas.map((formula) => Math.floor((10 * PAPER_PX) / widthOf(formula)));
    for (const [index, formula] of formulas.entries()) {
      if (tenths[index] < 10) formula.setAttribute("data-fit", String(Math.max(1, tenths[index])));
    }
  });
}

/** On paper. What stands by itself is as wide as its place, whatever it holds. @param {Element} formula */
function widthOf(formula) {
  const content = document.createRange();
  content.selectNodeContents(formula);
  return (content.getBoundingClientRect().width / parseFloat(getComputedStyle(formula).fontSize)) * FONT_PX;
}
