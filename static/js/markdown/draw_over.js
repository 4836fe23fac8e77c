/**
 * Updates a message on the screen to match the same message drawn off-screen with a larger grammar (late_dialect.js).
 * Unchanged nodes stay in place, which preserves the selection, the focus and the state of buttons.
 */

import { standIns } from "./parts.js";
import { isSameElement, keepsItsContent, patchNodes, turn } from "./patch.js";

// The larger grammar merges or splits only a few blocks at a time.
const LOOK_AHEAD = 24;
const PART = "markdown-part";

/** @typedef {{ before: ChildNode[], after: ChildNode[] }} Sides */

/**
 * For every node of `apart`, `standIns` holds the node that replaces it in the page.
 *
 * @param {Element} container  on the screen
 * @param {Element} apart  not used afterwards
 */
export function drawOver(container, apart) {
  // The user has loaded these.
  const pictures = container.querySelectorAll("[data-image]:has(iframe)");
  const groups = groupsOf(apart);
  const before = groupsOf(container).flatMap(({ blocks }) => blocks);
  const standing = joined({ before, after: groups.flatMap(({ blocks }) => blocks) });
  const parts = [...container.children].filter(isPart);
  for (const { parent, blocks } of groups) {
    const place = parent === apart ? container : (parts.shift() ?? container.appendChild(/** @type {ChildNode} */ (parent)));
    standIns.set(parent, place);
    put(place, standing.splice(0, blocks.length));
  }
  for (const surplus of parts) surplus.remove();
  for (const picture of pictures) putBack(container, /** @type {HTMLElement} */ (picture));
}

/**
 * Groups the blocks of a message by their parent (parts.js).
 *
 * @param {Element} container
 * @returns {{ parent: Node, blocks: ChildNode[] }[]}
 */
function groupsOf(container) {
  const own = [...container.childNodes].filter((node) => !isPart(node));
  const parts = [...container.children].filter(isPart);
  return [{ parent: container, blocks: own }, ...parts.map((part) => ({ parent: part, blocks: [...part.childNodes] }))];
}

/** @param {Node} node */
function isPart(node) {
  return node.nodeType === 1 && /** @type {Element} */ (node).className === PART;
}

/**
 * Merges both sides; removes old nodes without a counterpart.
 *
 * @param {Sides} sides
 * @returns {ChildNode[]} the node in the page for each node of `after`
 */
function joined({ before, after }) {
  const pairs = pairsOf({ before, after });
  const kept = new Set(pairs.values());
  for (const node of before) if (!kept.has(node)) node.remove();
  return after.map((node) => {
    const partner = pairs.get(node);
    const stands = partner ? merged(partner, node) : node;
    if (stands === node) return node;
    standIns.set(node, stands);
    node.remove();
    return stands;
  });
}

/** Pairs each new node with the old node it can replace. @param {Sides} sides @returns {Map<ChildNode, ChildNode>} */
function pairsOf({ before, after }) {
  const pairs = new Map();
  let [old, fresh] = [0, 0];
  while (old < before.length && fresh < after.length) {
    const [gone, come] = nextAlike(before, after, old, fresh) ?? [1, 1];
    // Changed nodes: pair as many as both sides have.
    for (let index = 0; index < Math.min(gone, come); index += 1) pairs.set(after[fresh + index], before[old + index]);
    if (gone + come === 0) pairs.set(after[fresh], before[old]);
    old += gone || Number(!come);
    fresh += come || Number(!gone);
  }
  return pairs;
}

/**
 * @param {ChildNode[]} before
 * @param {ChildNode[]} after
 * @param {number} old
 * @param {number} fresh
 * @returns {[number, number] | null} the distance on either side
 */
function nextAlike(before, after, old, fresh) {
  for (let far = 0; far <= LOOK_AHEAD; far += 1) {
    for (let gone = 0; gone <= far; gone += 1) {
      const [one, other] = [before[old + gone], after[fresh + far - gone]];
      if (one && other && isAlike(one, other)) return [gone, far - gone];
    }
  }
  return null;
}

/**
 * Whether the old node can stay as it is, including what the user or the page has changed in it.
 *
 * @param {ChildNode} one
 * @param {ChildNode} other
 * @returns {boolean}
 */
function isAlike(one, other) {
  if (one.nodeType === 3 || other.nodeType === 3) return one.nodeType === other.nodeType && one.nodeValue === other.nodeValue;
  const [element, wanted] = [/** @type {Element} */ (one), /** @type {Element} */ (other)];
  if (!isSameElement(element, wanted) || element.getAttribute("dir") !== wanted.getAttribute("dir")) return false;
  if (element.matches("[data-action], [data-image]")) return true;
  if (element.localName === "code") return element.textContent === wanted.textContent;
  const [children, others] = [[...element.childNodes], [...wanted.childNodes]];
  return children.length === others.length && children.every((child, index) => isAlike(child, others[index]));
}

/** @param {ChildNode} node @param {ChildNode} wanted @returns {ChildNode} the old node, updated to match `wanted`; or `wanted` in its place */
function merged(node, wanted) {
  if (isAlike(node, wanted)) return node;
  if (!isSameElement(node, wanted)) return patchNodes(/** @type {Node} */ (node.parentNode), [node], [wanted], node.nextSibling)[0];
  turn(/** @type {Element} */ (node), /** @type {Element} */ (wanted));
  if (!keepsItsContent(/** @type {Element} */ (node), wanted)) put(node, joined({ before: [...node.childNodes], after: [...wanted.childNodes] }));
  return node;
}

/** Nodes already in place are not moved: that would clear a selection. @param {Node} parent @param {ChildNode[]} nodes  its first children from now on */
function put(parent, nodes) {
  let next = parent.firstChild;
  for (const node of nodes) {
    if (node === next) next = node.nextSibling;
    else parent.insertBefore(node, next);
  }
}

/** @param {Element} container @param {HTMLElement} picture */
function putBack(container, picture) {
  if (container.contains(picture)) return;
  const places = container.querySelectorAll(`[data-image=${JSON.stringify(picture.dataset.image ?? "")}]`);
  [...places].find((place) => !place.querySelector("iframe"))?.replaceWith(picture);
}
