/** A code block: a header with the language and a copy button, then the code, which scrolls by itself. */

const LANGUAGE = /^[\w+#.-]{1,32}$/;

/**
 * @param {Document} document
 * @param {string} language  as written after the fence; anything unusual is left out
 * @returns {{ block: HTMLElement, code: HTMLElement }}
 */
export function createCodeBlock(document, language) {
  const known = LANGUAGE.test(language);
  const block = element(document, "div", "code-block");
  const header = element(document, "div", "code-header");
  const name = element(document, "span", "code-language");
  name.append(known ? language : "text");
  const pre = element(document, "pre", "code-content");
  pre.setAttribute("dir", "ltr");
  pre.setAttribute("tabindex", "0");
  const code = document.createElement("code");
  if (known) code.setAttribute("class", `language-${language}`);
  pre.append(code);
  header.append(name, createCopyButton(document));
  block.append(header, pre);
  return { block, code };
}

/** @param {Document} document */
function createCopyButton(document) {
  const button = element(document, "button", "code-copy");
  button.setAttribute("type", "button");
  button.setAttribute("data-action", "copy-code");
  button.append("Copy");
  return button;
}

/** @param {Document} document @param {string} tag @param {string} name */
function element(document, tag, name) {
  const created = document.createElement(tag);
  created.setAttribute("class", name);
  return created;
}
