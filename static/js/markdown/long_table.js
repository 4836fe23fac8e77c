/**
 * A browser lays out all of a table with each row that it gets. So a long one stands in its frame as several, each with the
 * heading.
 */

const MOST_CELLS = 2_000;

/**
 * @param {Element} scroller  of one table or more
 * @param {number} columns
 * @returns {Element} the body that the next row belongs into
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
