/**
 * Makes existing nodes equal to newly built ones and keeps every element that can stay, so that the reader's selection,
 * focus and scroll positions survive, and the browser repaints only what changed.
 */

/**
 * Replaces a run of siblings by `wanted`.
 *
 * @param {Node} parent
 * @param {ChildNode[]} existing  adjacent children of parent
 * @param {ChildNode[]} wanted    nodes without a parent of their own need; may be taken over
 * @param {ChildNode | null} [before]  where the run ends; null at the end of parent
 * @returns {ChildNode[]} what stands in the document now, in the order of `wanted`
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

/** Changes only the end that differs, so that a selection before it stays. @param {Text} text @param {string} wanted */
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
  // A fold may have been opened.
  if (one.attributes.length - Number(one.hasAttribute("open")) !== other.attributes.length) return false;
  return [...other.attributes].every(({ name, value }) => name === "dir" || one.getAttribute(name) === value);
}

/** The first letter of a block has come. @param {Element} current @param {Element} wanted */
export function turn(current, wanted) {
  const direction = wanted.getAttribute("dir");
  if (direction && current.getAttribute("dir") !== direction) current.setAttribute("dir", direction);
}

/**
 * Buttons show by themselves what they have done, and a formula, a picture and code are more than they were once they have
 * been drawn, loaded or coloured. Taking them away would take that, or the focus, with it.
 *
 * @param {Element} current @param {Node} wanted
 */
export function keepsItsContent(current, wanted) {
  if (current.matches("[data-action], [data-image]")) return true;
  if (current.firstElementChild === null) return false;
  return current.hasAttribute("data-tex") || (current.localName === "code" && current.textContent === wanted.textContent);
}
