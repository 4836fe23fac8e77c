/**
 * Loads an image at the reader's request. The page's own policy allows no images from other sites, so the image is
 * shown in an iframe whose page may load it and nothing else: no scripts, no cookies, no navigation
 * (chat/pages/images.py).
 */

/** @param {Element} pressed  a placeholder's button */
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

/** The message may have been redrawn since. @param {Document} document @param {string} address */
function buttonOf(document, address) {
  return document.querySelector(`[data-image=${JSON.stringify(address)}] [data-action="load-image"]`);
}
