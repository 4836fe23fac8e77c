/**
 * What copying a selection of answers puts on the clipboard: the text, formulas as TeX, code as written. Nothing of
 * the page around it: no labels, no buttons, and no theme colours, which the browser would add.
 */

const LEFT_OUT = "button, .code-header, .message__label, .message__footer, [hidden], svg";
const BLOCKS = new Set("address blockquote details div h1 h2 h3 h4 h5 h6 hr ol p pre summary table tr ul li".split(" "));
/** Surrounded by empty lines. */
const APART = new Set("blockquote details h1 h2 h3 h4 h5 h6 ol p pre table ul".split(" "));
const KEPT = new Set(["href", "start", "colspan"]);

/** @param {Document} document @returns {() => void} removes the listener */
export function enableSelectionCopy(document) {
  const listener = (/** @type {ClipboardEvent} */ event) => copy(event, document);
  document.addEventListener("copy", listener);
  return () => document.removeEventListener("copy", listener);
}

/** @param {ClipboardEvent} event @param {Document} document */
function copy(event, document) {
  const selection = document.getSelection();
  const target = /** @type {Element | null} */ (event.target);
  if (!event.clipboardData || !selection || selection.isCollapsed || target?.closest?.("input, textarea")) return;
  const copied = selected(selection.getRangeAt(0), document);
  if (!copied) return;
  event.clipboardData.setData("text/plain", plainText(copied));
  event.clipboardData.setData("text/html", new XMLSerializer().serializeToString(copied));
  event.preventDefault();
}

/**
 * The selected part of the messages' text; null if none of it is in a message.
 *
 * @param {Range} range
 * @param {Document} document
 */
function selected(range, document) {
  const ancestor = range.commonAncestorContainer;
  const element = ancestor.nodeType === 1 ? /** @type {Element} */ (ancestor) : ancestor.parentElement;
  const around = element?.closest(".message__body");
  const bodies = around ? [around] : [...(element?.querySelectorAll(".message__body") ?? [])].filter((body) => range.intersectsNode(body));
  if (!bodies.some((body) => body.matches(".markdown"))) return null;
  const copied = document.createElement("div");
  for (const body of bodies) {
    const part = document.createElement(body.matches(".markdown") ? "div" : "pre");
    part.append(within(range, body).cloneContents());
    copied.append(part);
  }
  // If the selection is inside one code block or formula, it contains only the inside.
  const code = element?.closest("pre");
  if (code) return wrapped("pre", copied);
  return cleaned(copied);
}

/** @param {Range} range @param {Element} body */
function within(range, body) {
  const part = range.cloneRange();
  if (!body.contains(part.startContainer)) part.setStart(body, 0);
  if (!body.contains(part.endContainer)) part.setEnd(body, body.childNodes.length);
  const [first, last] = [formulaOf(part.startContainer), formulaOf(part.endContainer)];
  if (first) part.setStartBefore(first);
  if (last) part.setEndAfter(last);
  return part;
}

/** A formula is copied as a whole. @param {Node} node */
function formulaOf(node) {
  return (node.nodeType === 1 ? /** @type {Element} */ (node) : node.parentElement)?.closest(".math") ?? null;
}

/** @param {string} tag @param {Element} content */
function wrapped(tag, content) {
  const wrapper = content.ownerDocument.createElement(tag);
  wrapper.append(content.textContent ?? "");
  return wrapper;
}

/**
 * Leaves only the text and its structure.
 *
 * @param {Element} copied  modified in place
 */
export function cleaned(copied) {
  for (const mark of copied.querySelectorAll(".footnote-mark")) mark.replaceChildren(`[${mark.textContent}]`);
  for (const label of copied.querySelectorAll(".footnote-label")) {
    label.nextElementSibling?.prepend(`[${label.textContent}]: `);
    label.remove();
  }
  for (const image of copied.querySelectorAll("[data-image]")) image.replaceWith(image.querySelector(".image-alt")?.textContent ?? "");
  for (const formula of copied.querySelectorAll(".math")) formula.replaceWith(texOf(formula));
  for (const code of copied.querySelectorAll("pre")) code.replaceChildren(code.textContent ?? "");
  for (const element of copied.querySelectorAll(LEFT_OUT)) element.remove();
  for (const element of copied.querySelectorAll("*")) {
    for (const { name } of [...element.attributes]) if (!KEPT.has(name)) element.removeAttribute(name);
  }
  return copied;
}

/** Its TeX with Markdown delimiters; if it could not be drawn, its source. @param {Element} formula */
function texOf(formula) {
  const tex = formula.getAttribute("data-tex");
  if (!tex || !formula.firstElementChild) return formula.textContent ?? "";
  if (!formula.matches(".math-display")) return `$${tex}$`;
  return tex.startsWith("\\begin") ? tex : `$$\n${tex}\n$$`;
}

/** @param {Element} copied  already cleaned */
export function plainText(copied) {
  const text = new PlainText();
  text.add(copied);
  return text.written.replace(/^\n+/, "").trimEnd();
}

class PlainText {
  written = "";
  /** Its last characters: to look for them in the whole would make it one string each time. */
  #end = "";

  /** @param {Node} node */
  add(node) {
    if (node.nodeType === 3) this.#write(/** @type {Text} */ (node).data);
    if (node.nodeType !== 1) return;
    const element = /** @type {Element} */ (node);
    const tag = element.localName;
    if (tag === "br") this.#write("\n");
    else if ((tag === "td" || tag === "th") && element.previousElementSibling) this.#write("\t");
    const isApart = APART.has(tag) && !element.parentElement?.closest("li");
    if (BLOCKS.has(tag)) this.#break(isApart);
    if (tag === "li") this.#write(markerOf(element));
    for (const child of element.childNodes) this.add(child);
    if (BLOCKS.has(tag)) this.#break(isApart);
  }

  /** @param {boolean} isApart */
  #break(isApart) {
    if (!this.#end || /(?:- |\d\. )$/.test(this.#end)) return;
    const there = this.#end.endsWith("\n\n") ? 2 : Number(this.#end.endsWith("\n"));
    this.#write("\n".repeat(Math.max(0, (isApart ? 2 : 1) - there)));
  }

  /** @param {string} text */
  #write(text) {
    this.written += text;
    this.#end = (this.#end + text).slice(-3);
  }
}

/** @param {Element} item */
function markerOf(item) {
  const list = item.parentElement;
  if (list?.localName !== "ol") return "- ";
  return `${Number(list.getAttribute("start") ?? 1) + [...list.children].indexOf(item)}. `;
}
