/** Previews formulas whose end has not arrived: text is hidden while it may still become a formula. */

import { CLOSING, mayOpen, openingAt } from "./formulas.js";
import { hideRest, isUnfinished } from "./unfinished_text.js";

const LONGEST = 300;
const LONGEST_AFTER_DOLLAR = 80;
// After a dollar: no amount, no space except before a letter or command, and no two plain words in a row.
const MAYBE_AFTER_DOLLAR = /^(?:(?![\s\d])| (?=\\|$|[A-Za-z](?![A-Za-z])))(?!.*(?:^|[^\\A-Za-z])[A-Za-z]{2,},? [A-Za-z]{2,})/s;

/** @param {import("./parser.js").MarkdownIt} parser */
export function unfinishedFormulas(parser) {
  parser.inline.ruler.after("formula", "unfinished_formula", (state) => {
    const opening = isUnfinished(state) ? openingAt(state.src, state.pos) : "";
    const rest = state.src.slice(state.pos + opening.length);
    if (!opening || !mayBecomeFormula(opening, rest)) return false;
    if (opening[0] === "$" && !mayOpen(state)) return false;
    return hideRest(state);
  });
}

/** @param {string} opening @param {string} rest */
function mayBecomeFormula(opening, rest) {
  if (opening === "$") return rest.length < LONGEST_AFTER_DOLLAR && MAYBE_AFTER_DOLLAR.test(rest) && !hasDollar(rest);
  return rest.length < LONGEST && !rest.includes(CLOSING[opening]);
}

/** The second dollar did not make it a formula, so it is none. @param {string} rest */
function hasDollar(rest) {
  return /(?<!\\)\$/.test(rest);
}
