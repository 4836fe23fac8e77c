/** To compare our DOM with the HTML of other renderers. */

const BLOCKS = new Set("br div p ul ol li blockquote pre hr h1 h2 h3 h4 h5 h6".split(" "));

/**
 * The part of a node, as data (page.js), that both renderers share: none of our wrappers, directions or classes, and
 * no line breaks between blocks.
 */
export function bare(node) {
  if (typeof node === "string") return node;
  const [name, attributes, ...children] = node;
  if (attributes.includes("class=code-block")) return bare(children.find(([child]) => child === "pre"));
  const kept = attributes.filter((attribute) => /^(start|class=language-[\w+#.-]{1,32}$)/.test(attribute));
  const inner = joined(children.filter((child) => !isDefinition(child)).map(bare));
  const content = name === "pre" || name === "code" ? inner : inner.map((child, index) => trimmed(child, inner, index)).filter((child) => child !== "");
  return [name, kept, ...content];
}

/** The tests' HTML parser splits a text into several text nodes. */
function joined(children) {
  return children.reduce((all, child) => {
    if (typeof child === "string" && typeof all.at(-1) === "string") all.push(all.pop() + child);
    else all.push(child);
    return all;
  }, []);
}

/** HTML has a line break around each block; in the DOM it would be text. */
function trimmed(child, siblings, index) {
  if (typeof child !== "string") return child;
  const isBlock = (node) => node === undefined || (Array.isArray(node) && BLOCKS.has(node[0]));
  let text = child;
  if (isBlock(siblings[index - 1])) text = text.replace(/^\n/, "");
  if (isBlock(siblings[index + 1])) text = text.replace(/\n$/, "");
  return text;
}

/** Drawn only for readers of a definition that no link uses (definitions.js). */
function isDefinition(node) {
  return typeof node !== "string" && node[1].some((attribute) => attribute.startsWith("data-definition="));
}

/** Without our own wrappers, white space between blocks, and what other renderers put into attributes. */
export function plain(node) {
  const stripped = bare(node);
  return typeof stripped === "string" ? stripped : withoutWrappers(stripped);
}

function withoutWrappers([name, , ...children]) {
  const kept = children.flatMap((child) => {
    if (typeof child === "string") return name === "pre" || name === "code" || child.trim() ? [child.replace(/\s+/g, " ")] : [];
    const inner = withoutWrappers(child);
    return inner[0] === "div" ? inner.slice(1) : [inner];
  });
  return [name === "del" ? "s" : name, ...kept];
}
