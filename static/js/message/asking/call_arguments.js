import { isObject } from "../../client/untrusted_input.js";
import { gettext } from "../../ui/i18n.js";

/** A text beyond one of these limits is folded until the person wants to see all of it. */
const LONG_CHARACTERS = 600;
const LONG_LINES = 10;
/** What cannot be seen, or changes the order of what is seen: a text must not look like another one. */
const HIDDEN = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200b\u200e\u200f\u202a-\u202e\u2060-\u2069\ufeff\u{e0000}-\u{e007f}]/gu;

/**
 * The arguments of a call, exactly, to be read by a person: a row for each name, texts as they are, other values as
 * JSON, characters that cannot be seen by their numbers.
 *
 * @param {unknown} given
 * @returns {DocumentFragment}
 */
export function argumentRows(given) {
  const rows = document.createDocumentFragment();
  /** @type {[string, unknown][]} */
  const named = isObject(given) ? Object.entries(given) : [["", given]];
  for (const [name, value] of named) {
    rows.append(term(name || gettext("Arguments")), description(typeof value === "string" ? value : JSON.stringify(value, null, 2)));
  }
  if (!named.length) rows.append(term(gettext("Arguments")), description(gettext("None")));
  return rows;
}

/** @param {string} text */
export function visible(text) {
  return text.replace(HIDDEN, (character) => `\\u{${character.codePointAt(0)?.toString(16)}}`);
}

/** @param {string} name */
function term(name) {
  const element = document.createElement("dt");
  element.dir = "auto";
  element.textContent = visible(name);
  return element;
}

/** @param {string} text */
function description(text) {
  const element = document.createElement("dd");
  const shown = element.appendChild(document.createElement("div"));
  shown.className = "asking__value";
  shown.dir = "auto";
  shown.textContent = visible(text);
  if (text.length <= LONG_CHARACTERS && text.split("\n", LONG_LINES + 1).length <= LONG_LINES) return element;
  element.append(unfoldButton(shown));
  return element;
}

/** @param {HTMLElement} shown */
function unfoldButton(shown) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "asking__unfold";
  const draw = (/** @type {boolean} */ open) => {
    shown.toggleAttribute("data-folded", !open);
    button.textContent = open ? gettext("Show less") : gettext("Show all");
    button.setAttribute("aria-expanded", String(open));
  };
  button.addEventListener("click", () => draw(shown.hasAttribute("data-folded")));
  draw(false);
  return button;
}
