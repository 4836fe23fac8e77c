import { gettext } from "../ui/i18n.js";

/**
 * Tells the user that files cannot be attached when one is pasted or dropped. Without this, the browser would leave
 * the page to open a dropped file.
 *
 * @param {Document} document
 */
export function refuseFiles(document) {
  document.addEventListener("dragover", (event) => holdsFiles(event.dataTransfer) && event.preventDefault());
  document.addEventListener("drop", (event) => refuse(event, event.dataTransfer));
  document.addEventListener("paste", (event) => {
    // Office applications put a picture of the text next to the text.
    if (!event.clipboardData?.types.includes("text/plain")) refuse(event, event.clipboardData);
  });
}

/** @param {Event} event @param {DataTransfer | null} data */
function refuse(event, data) {
  if (!holdsFiles(data)) return;
  event.preventDefault();
  const composer = /** @type {import("./chat_composer.js").ChatComposer | null} */ (document.querySelector("chat-composer"));
  composer?.showNote(gettext("Files cannot be attached yet."));
}

/** @param {DataTransfer | null} data */
function holdsFiles(data) {
  return Boolean(data?.types.includes("Files"));
}
