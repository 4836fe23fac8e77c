/** From here on a box is as high as it gets anyway: it need not be measured at every key. */
const LONG_TEXT = 10_000;

/**
 * After its text has changed: a box is as high as its text, up to a limit (the style sheets say which). Nothing here takes
 * longer at a key the more text there is.
 *
 * @param {HTMLTextAreaElement} box
 * @param {HTMLElement} place around it, with a copy of the text where a browser lets no box grow by itself
 */
export function fitBox(box, place) {
  const text = box.value;
  const long = text.length > LONG_TEXT;
  // Found out once: with "auto" the browser reads all of it again at every key.
  if (long !== box.hasAttribute("data-long")) box.dir = long && box.matches(":dir(rtl)") ? "rtl" : long ? "ltr" : "auto";
  box.toggleAttribute("data-long", long);
  const copy = long || CSS.supports("field-sizing: content") ? "" : text;
  if (copy !== (place.dataset.text ?? "")) place.dataset.text = copy;
}
