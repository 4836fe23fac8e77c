/**
 * A browser lays out a whole table again with each added row. So a long table is split into several in the same frame,
 * each with the heading.
 */

const MOST_CELLS = 2_000;

/**
 * @param {Element} scroller  contains one or more tables
 * @param {number} columns
 * @returns {Element} the table body for the next row
 */
export function placeForRow(scroller, columns) {
  const table = /** @type {Element} */ (scroller.lastElementChild);
  const body = table.lastElementChild;
  if (body?.localName !== "tbody") return newBody(table);
  if (body.childElementCount * columns < MOST_CELLS) return body;
  const next = /** @type {Element} */ (table.cloneNode(false));
  if (body.previousElementSibling) next.append(body.previousElementSibling.cloneNode(true));
  scroller.append(next);
  return newBody(next);
}

/** @param {Element} table */
function newBody(table) {
  return table.appendChild(/** @type {Document} */ (table.ownerDocument).createElement("tbody"));
}
