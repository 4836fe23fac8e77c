/** A code block: a header with the language, and the code, which scrolls by itself or wraps. */

import { gettext } from "../ui/i18n.js";

const LANGUAGE = /^[\w+#.-]{1,32}$/;

/**
 * @param {Document} document
 * @param {import("./fences.js").Info} info  an unknown language is shown next to the file name
 * @returns {{ block: HTMLElement, code: HTMLElement }}
 */
export function createCodeBlock(document, { language, file }) {
  const known = LANGUAGE.test(language);
  const block = element(document, "div", "code-block");
  const header = element(document, "div", "code-header");
  const name = element(document, "span", "code-language");
  name.append(known ? language : "text");
  const words = [known ? "" : language, file].filter(Boolean).join(" ");
  const pre = element(document, "pre", "code-content");
  pre.setAttribute("dir", "ltr");
  pre.setAttribute("tabindex", "0");
  const code = document.createElement("code");
  // A translation tool would replace text that is still being written.
  code.setAttribute("translate", "no");
  if (known) code.setAttribute("class", `language-${language}`);
  pre.append(code);
  header.append(name);
  if (words) element(document, "span", "code-file", header).append(words);
  header.append(createWrapButton(document), createCopyButton(document));
  block.append(header, pre);
  return { block, code };
}

/** @param {Document} document */
function createWrapButton(document) {
  const button = createButton(document, "code-wrap", gettext("Wrap"));
  button.setAttribute("data-action", "wrap-code");
  button.setAttribute("aria-pressed", "false");
  return button;
}

/** @param {Document} document */
function createCopyButton(document) {
  const button = createButton(document, "code-copy", gettext("Copy"));
  button.setAttribute("data-action", "copy-code");
  return button;
}

/** @param {Document} document @param {string} name @param {string} label */
function createButton(document, name, label) {
  const button = element(document, "button", `code-button ${name}`);
  button.setAttribute("type", "button");
  button.append(label);
  return button;
}

/** @param {Document} document @param {string} tag @param {string} name @param {Element} [parent] */
function element(document, tag, name, parent) {
  const created = document.createElement(tag);
  created.setAttribute("class", name);
  parent?.append(created);
  return created;
}
