/**
 * Builds the elements of the dialect. As in elements.js, only the elements named here are created: a tag in the text
 * can create no other element and set no attribute.
 */

import { gettext } from "../ui/i18n.js";
import { createFormula } from "./formula_elements.js";

/** @typedef {import("./parser.js").Token} Token */

const TAGS = new Set(["b", "i", "u", "sub", "sup", "kbd", "mark", "details", "summary"]);
const ALERTS = new Set(["note", "tip", "important", "warning", "caution"]);

/**
 * @param {Document} document
 * @param {Token} token
 * @returns {Element | null} null if the token is not part of the dialect
 */
export function createElement(document, token) {
  if (token.type === "formula" || token.type === "formula_block") return createFormula(document, token);
  if (token.type === "reference_definition" && token.info) return createDefinition(document, token);
  if (token.type === "footnote_open") return createFootnote(document, token);
  if (token.type === "footnote_mark") return createMark(document, token);
  if (token.type === "alert_title") return createTitle(document, token);
  if (token.type === "task_checkbox") return createCheckbox(document, token);
  return token.nesting > 0 && TAGS.has(token.tag) ? document.createElement(token.tag) : null;
}

/**
 * Sets the dialect's attributes on an element that exists without the dialect, too.
 *
 * @param {Element} element
 * @param {Token} token
 */
export function mark(element, { meta }) {
  if (meta.task) element.setAttribute("class", "task-item");
  if (ALERTS.has(meta.alert)) element.setAttribute("class", `alert alert-${meta.alert}`);
  if (meta.isTitle) element.setAttribute("class", "alert-title");
}

/** @param {Document} document @param {Token} token  from definitions.js */
function createDefinition(document, { content, info }) {
  const paragraph = document.createElement("p");
  paragraph.setAttribute("data-definition", info);
  paragraph.setAttribute("dir", "ltr");
  paragraph.setAttribute("hidden", "");
  paragraph.append(content);
  return paragraph;
}

/** The title does not count for the direction of the alert. @param {Document} document @param {Token} token */
function createTitle(document, { content }) {
  const title = document.createElement("p");
  title.setAttribute("class", "alert-title");
  title.append(content);
  return title;
}

/** @param {Document} document @param {Token} token */
function createFootnote(document, { info }) {
  const note = document.createElement("div");
  note.setAttribute("class", "footnote");
  note.setAttribute("data-note", info);
  note.setAttribute("tabindex", "-1");
  const label = document.createElement("span");
  label.setAttribute("class", "footnote-label");
  label.append(info);
  note.append(label);
  return note;
}

/** A footnote mark in the text. @param {Document} document @param {Token} token */
function createMark(document, { content }) {
  const sup = document.createElement("sup");
  sup.setAttribute("class", "footnote-mark");
  const button = document.createElement("button");
  button.setAttribute("type", "button");
  button.setAttribute("data-action", "show-footnote");
  button.setAttribute("aria-label", `${gettext("Footnote")} ${content}`);
  button.append(content);
  sup.append(button);
  return sup;
}

/** @param {Document} document @param {Token} token */
function createCheckbox(document, { info }) {
  const checkbox = document.createElement("input");
  checkbox.setAttribute("type", "checkbox");
  checkbox.setAttribute("disabled", "");
  if (info) checkbox.setAttribute("checked", "");
  checkbox.setAttribute("aria-label", info ? gettext("Done") : gettext("To do"));
  return checkbox;
}
