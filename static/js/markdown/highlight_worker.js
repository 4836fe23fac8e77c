/**
 * Highlights code in a worker thread: some grammar patterns take minutes on a short text, and only a thread can be
 * terminated (highlighter.js). It returns plain data, never HTML. Workers have no import map, so they are given the
 * module addresses.
 */

/** @typedef {import("../../vendor/highlight-11.12.0/core.js").SyntaxNode} SyntaxNode */
/** @typedef {typeof import("../../vendor/highlight-11.12.0/core.js").default} Library */
/**
 * @typedef {string | [string, ...unknown[]]} Coloured  a text, or a meaning known to the stylesheet followed by its
 *   content
 */

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

/** @param {Library} library @param {string} code @param {string} grammar  registered @returns {Coloured[]} */
export function readCode(library, code, grammar) {
  const { rootNode } = library.highlight(code, { language: grammar, ignoreIllegals: true })._emitter;
  return rootNode.children.flatMap(coloured);
}

/** @param {SyntaxNode | string} node @returns {Coloured[]} */
function coloured(node) {
  if (typeof node === "string") return [node];
  const meaning = MEANINGS.get(node.scope?.split(".")[0] ?? "");
  const inner = node.children.flatMap(coloured);
  return meaning ? [[meaning, ...inner]] : inner;
}

/** @type {Library | null} */
let library = null;
const registered = new Set();

/** @param {{ core: string, address: string, grammar: string, code?: string }} request */
async function answer({ core, address, grammar, code }) {
  library ??= /** @type {Library} */ ((await import(core)).default);
  if (!registered.has(grammar)) library.registerLanguage(grammar, (await import(address)).default);
  registered.add(grammar);
  return code === undefined ? [] : readCode(library, code, grammar);
}

// Only in a worker: the tests import this module.
if ("WorkerGlobalScope" in globalThis) {
  addEventListener("message", ({ data }) => {
    answer(data).then(
      (tree) => postMessage({ tree }),
      () => postMessage({ failed: true }),
    );
  });
}
