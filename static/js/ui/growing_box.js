/** Beyond this length, a box has its maximum height anyway and need not be measured at every key. */
const LONG_TEXT = 10_000;

/**
 * Call after the text has changed: fits the box to its text, up to a maximum height set in the stylesheets. The cost
 * per key does not grow with the text.
 *
 * @param {HTMLTextAreaElement} box
 * @param {HTMLElement} place its wrapper, which holds a copy of the text in browsers without field-sizing
 */
export function fitBox(box, place) {
  const text = box.value;
  const long = text.length > LONG_TEXT;
  // Set once: with "auto", the browser would scan the whole text at every key.
  if (long !== box.hasAttribute("data-long")) box.dir = long && box.matches(":dir(rtl)") ? "rtl" : long ? "ltr" : "auto";
  box.toggleAttribute("data-long", long);
  const copy = long || CSS.supports("field-sizing: content") ? "" : text;
  if (copy !== (place.dataset.text ?? "")) place.dataset.text = copy;
}
