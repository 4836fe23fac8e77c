import { cloneTemplate, part } from "../ui/template_parts.js";

/** @typedef {import("./assistant_picker.js").Assistant} Assistant */

/**
 * @param {Assistant} assistant
 * @param {boolean} chosen
 * @returns {HTMLElement} one row of the picker
 */
export function assistantOption({ slug, name, model, description }, chosen) {
  const option = /** @type {HTMLElement} */ (cloneTemplate("assistant-option-template").firstElementChild);
  option.id = `assistant-${slug}`;
  option.dataset.key = slug;
  option.setAttribute("aria-selected", String(chosen));
  part(option, "option-name").textContent = name;
  part(option, "option-model").textContent = isSame(model, name) ? "" : model;
  part(option, "option-description").textContent = description;
  return option;
}

/**
 * @param {Assistant} assistant
 * @param {string} query words in any order
 */
export function isAsked({ name, model, description, provider }, query) {
  const text = `${name} ${model} ${description} ${provider}`.toLowerCase();
  return query.toLowerCase().split(/\s+/).every((word) => text.includes(word));
}

/**
 * @param {string} model
 * @param {string} name
 */
function isSame(model, name) {
  return model.toLowerCase() === name.toLowerCase();
}
