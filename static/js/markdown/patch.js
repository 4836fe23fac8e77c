/**
 * Makes existing nodes equal to newly built ones, keeping every element it can: the reader's selection, focus and
 * scroll positions survive, and the browser repaints only what changed.
 */

/**
 * Replaces a run of siblings by `wanted`.
 *
 * @param {Node} parent
 * @param {ChildNode[]} existing  adjacent children of parent
 * @param {ChildNode[]} wanted    nodes that nothing else needs; may be moved into the document
 * @param {ChildNode | null} [before]  the node after the run; null at the end of parent
 * @returns {ChildNode[]} the nodes now in the document, in the order of `wanted`
 */
export function patchNodes(parent, existing, wanted, before = null) {
  const result = wanted.map((node, index) => {
    const current = existing[index];
    if (!current) return parent.insertBefore(node, before);
    if (current.nodeType === 3 && node.nodeType === 3) {
      patchText(/** @type {Text} */ (current), /** @type {Text} */ (node).data);
    } else if (isSameElement(current, node)) {
      turn(/** @type {Element} */ (current), /** @type {Element} */ (node));
      if (!keepsItsContent(/** @type {Element} */ (current), node)) {
        patchNodes(current, [...current.childNodes], [...node.childNodes]);
      }
    } else {
      parent.replaceChild(node, current);
      return node;
    }
    return current;
  });
  for (const surplus of existing.slice(wanted.length)) surplus.remove();
  return result;
}

/** Changes only the end that differs, so that a selection before it survives. @param {Text} text @param {string} wanted */
function patchText(text, wanted) {
  const current = text.data;
  if (current === wanted) return;
  if (wanted.startsWith(current)) {
    text.appendData(wanted.slice(current.length));
    return;
  }
  let same = 0;
  while (same < current.length && current.charCodeAt(same) === wanted.charCodeAt(same)) same += 1;
  text.replaceData(same, current.length - same, wanted.slice(same));
}

/** @param {Node} current @param {Node} wanted */
export function isSameElement(current, wanted) {
  if (current.nodeType !== 1 || wanted.nodeType !== 1) return false;
  const [one, other] = [/** @type {Element} */ (current), /** @type {Element} */ (wanted)];
  if (one.localName !== other.localName) return false;
  if (one.hasAttribute("data-action")) return one.getAttribute("data-action") === other.getAttribute("data-action");
  // The user may have opened a fold.
  if (one.attributes.length - Number(one.hasAttribute("open")) !== other.attributes.length) return false;
  return [...other.attributes].every(({ name, value }) => name === "dir" || one.getAttribute(name) === value);
}

/** The block's first letter has arrived, which sets its direction. @param {Element} current @param {Element} wanted */
export function turn(current, wanted) {
  const direction = wanted.getAttribute("dir");
  if (direction && current.getAttribute("dir") !== direction) current.setAttribute("dir", direction);
}

/**
 * Elements whose content must be kept: buttons that show an outcome, and drawn formulas, loaded images and coloured
 * code. Replacing them would lose that, or the focus.
 *
 * @param {Element} current @param {Node} wanted
 */
export function keepsItsContent(current, wanted) {
  if (current.matches("[data-action], [data-image]")) return true;
  if (current.firstElementChild === null) return false;
  return current.hasAttribute("data-tex") || (current.localName === "code" && current.textContent === wanted.textContent);
}
