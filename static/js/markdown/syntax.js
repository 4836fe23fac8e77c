/**
 * Colours code. Loaded with the first code block that has a known language, and each grammar with its first block.
 * highlight.js gives a tree; it is built as DOM here, by meanings that the stylesheet knows.
 */

import hljs from "../../vendor/highlight-11.12.0/core.js";

/** @typedef {import("../../vendor/highlight-11.12.0/core.js").SyntaxNode} SyntaxNode */

const MEANINGS = new Map(
  Object.entries({
    keyword: "keyword operator selector-tag",
    string: "string regexp char subst-string code quote link",
    number: "number literal symbol bullet",
    comment: "comment doctag",
    name: "title section name selector-id selector-class",
    type: "type built_in class",
    attribute: "attr attribute property variable template-variable selector-attr selector-pseudo",
    meta: "meta meta-string template-tag",
    added: "addition",
    removed: "deletion",
  }).flatMap(([meaning, scopes]) => scopes.split(" ").map((scope) => [scope, meaning])),
);

/** @type {Map<string, Promise<void>>} */
const grammars = new Map();

/** Resolves when the grammar can be used. @param {string} name  of languages.js */
export function loadGrammar(name) {
  const loading = grammars.get(name) ?? register(name);
  grammars.set(name, loading);
  return loading;
}

/** @param {string} name */
async function register(name) {
  try {
    const { default: grammar } = await import(`../../vendor/highlight-11.12.0/languages/${name}.js`);
    hljs.registerLanguage(name, grammar);
  } catch (error) {
    // The next block asks again.
    grammars.delete(name);
    throw error;
  }
}

/**
 * @param {Element} code  its text stays the same
 * @param {string} grammar  loaded already
 */
export function colourCode(code, grammar) {
  const { rootNode } = hljs.highlight(code.textContent ?? "", { language: grammar, ignoreIllegals: true })._emitter;
  const coloured = code.cloneNode(false);
  for (const child of rootNode.children) appendTo(coloured, child);
  // What differs from the text would be a fault of the grammar.
  if (coloured.textContent === code.textContent) code.replaceChildren(...coloured.childNodes);
}

/** @param {Node} parent @param {SyntaxNode | string} node */
function appendTo(parent, node) {
  const document = /** @type {Document} */ (parent.ownerDocument);
  if (typeof node === "string") {
    parent.appendChild(document.createTextNode(node));
    return;
  }
  const meaning = MEANINGS.get(node.scope?.split(".")[0] ?? "");
  const inner = meaning ? parent.appendChild(document.createElement("span")) : parent;
  if (meaning) /** @type {Element} */ (inner).setAttribute("class", `code-${meaning}`);
  for (const child of node.children) appendTo(inner, child);
}
