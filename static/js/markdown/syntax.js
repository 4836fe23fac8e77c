/**
 * Colours code. Loaded with the first code block in a known language. A worker classifies the parts of the code
 * (highlighter.js); the elements are created here.
 */

import { Highlighter } from "./highlighter.js";

/** @typedef {import("./highlight_worker.js").Coloured} Coloured */

const MEANINGS = new Set("keyword string number comment name type attribute meta added removed".split(" "));
const MAX_DEPTH = 40;

const highlighter = new Highlighter();

/**
 * @param {string} code
 * @param {string} grammar  from languages.js
 * @returns {Promise<Coloured[]>} rejects if it stays plain
 */
export function readCode(code, grammar) {
  return highlighter.read(code, grammar);
}

/**
 * @param {Element} code  its text stays the same
 * @param {Coloured[]} tree
 */
export function colourCode(code, tree) {
  const coloured = /** @type {Element} */ (code.cloneNode(false));
  appendTo(coloured, tree, 0);
  // A difference from the text would be a bug in the grammar.
  if (coloured.textContent === code.textContent) code.replaceChildren(...coloured.childNodes);
}

/** @param {Element} parent @param {unknown[]} nodes @param {number} depth */
function appendTo(parent, nodes, depth) {
  const document = /** @type {Document} */ (parent.ownerDocument);
  for (const node of nodes) {
    if (typeof node === "string") parent.appendChild(document.createTextNode(node));
    else if (Array.isArray(node)) appendMeaning(parent, node, depth);
  }
}

/** @param {Element} parent @param {unknown[]} node @param {number} depth */
function appendMeaning(parent, [meaning, ...inner], depth) {
  const isKnown = typeof meaning === "string" && MEANINGS.has(meaning) && depth < MAX_DEPTH;
  const span = isKnown ? parent.appendChild(/** @type {Document} */ (parent.ownerDocument).createElement("span")) : parent;
  if (isKnown) span.setAttribute("class", `code-${meaning}`);
  appendTo(span, inner, depth + 1);
}
