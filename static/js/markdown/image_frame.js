/**
 * Loads a picture that the reader has asked for. The page's own policy lets no picture of another site in; so it is shown in a
 * frame of a page which may load that, and nothing else: no script, no cookie, no way out (chat/pages/images.py).
 */

/** @param {Element} pressed  the button of a placeholder */
export function loadImage(pressed) {
  const address = pressed.closest("[data-image]")?.getAttribute("data-image");
  const button = pressed.isConnected ? pressed : buttonOf(pressed.ownerDocument, address ?? "");
  const placeholder = button?.closest("[data-image]");
  if (!button || !placeholder || !address) return;
  const root = button.closest("[data-new-url]")?.getAttribute("data-new-url") ?? "/";
  const frame = button.ownerDocument.createElement("iframe");
  frame.setAttribute("class", "image-frame");
  frame.setAttribute("sandbox", "");
  frame.setAttribute("referrerpolicy", "no-referrer");
  frame.setAttribute("title", button.querySelector(".image-alt")?.textContent ?? "");
  frame.setAttribute("src", `${root}image?address=${encodeURIComponent(address)}`);
  button.replaceWith(frame);
  placeholder.querySelector("a")?.focus();
}

/** The message may have been drawn again since. @param {Document} document @param {string} address */
function buttonOf(document, address) {
  return document.querySelector(`[data-image=${JSON.stringify(address)}] [data-action="load-image"]`);
}
