/** Links and images in a model's text. They never load anything by themselves, and they say where they lead. */

import { gettext, interpolate } from "../ui/i18n.js";
import { claimedOtherHost, hidesItsDirection, linkTarget } from "./urls.js";

/** @typedef {import("./urls.js").LinkTarget} LinkTarget */

const REL = "noopener noreferrer nofollow ugc";

/**
 * @param {Document} document
 * @param {string} href
 * @param {string} authoredTitle
 * @param {string} location
 * @returns {{ element: HTMLAnchorElement, target: LinkTarget } | null} null if the link must stay text
 */
export function createLink(document, href, authoredTitle, location) {
  const target = linkTarget(href, location);
  if (!target) return null;
  const element = document.createElement("a");
  element.setAttribute("href", target.href);
  const title = [target.host, authoredTitle].filter(Boolean).join(" — ");
  if (title) element.setAttribute("title", title);
  if (target.kind === "web" || target.kind === "mail") leaveSafely(element);
  return { element, target };
}

/**
 * Call when the link's text is complete. Shows the real host visibly if the text claims another one or reverses its
 * letters. Otherwise the stylesheet may show it, unless the text names it.
 *
 * @param {HTMLAnchorElement} element
 * @param {LinkTarget} target
 */
export function nameHost(element, target) {
  const text = element.textContent ?? "";
  const claimed = claimedOtherHost(text, target) ?? (hidesItsDirection(text) ? text : null);
  if (claimed !== null) warn(element, target.host || gettext("this site"), claimed);
  else if ((target.kind === "web" || target.kind === "mail") && !text.includes(target.host)) element.setAttribute("data-host", target.host);
}

/** @param {HTMLAnchorElement} element @param {string} host @param {string} claimed */
function warn(element, host, claimed) {
  element.setAttribute("class", "link-mismatch");
  element.setAttribute("title", interpolate(gettext("Leads to %(host)s, not to %(claimed)s"), { host, claimed }));
  const warning = part(element.ownerDocument, "span", "link-host");
  warning.append(` ${interpolate(gettext("(leads to %(host)s)"), { host })}`);
  element.append(warning);
}

/**
 * The placeholder for an image: its text and its host. A click loads the image (image_frame.js) or, where the policy
 * would not allow it, opens it in a new tab. Inside a link, or if the address is refused, it is not clickable.
 *
 * @param {Document} document
 * @param {{ source: string, alt: string, location: string, insideLink: boolean }} image
 */
export function createImagePlaceholder(document, { source, alt, location, insideLink }) {
  const target = linkTarget(source, location);
  const element = part(document, "span", "image-placeholder");
  const words = [part(document, "span", "image-alt", alt.trim() || gettext("Image"))];
  if (target?.kind !== "web" || insideLink) {
    if (target?.kind === "web") words.push(part(document, "span", "image-host", target.host));
    element.append(...spaced(words));
    return element;
  }
  const link = createImageLink(document, target);
  if (!target.href.startsWith("https:")) {
    link.prepend(...spaced(words), " ");
    element.append(link);
    return element;
  }
  element.setAttribute("data-image", target.href);
  words.push(part(document, "span", "image-hint", gettext("Load image")));
  const button = part(document, "button", "image-load");
  button.setAttribute("type", "button");
  button.setAttribute("data-action", "load-image");
  button.append(...spaced(words));
  element.append(button, " ", link);
  return element;
}

/** @param {Document} document @param {LinkTarget} target */
function createImageLink(document, target) {
  const link = /** @type {HTMLAnchorElement} */ (part(document, "a", "image-host", target.host));
  link.setAttribute("href", target.href);
  link.setAttribute("title", interpolate(gettext("Open the image from %(host)s in a new tab"), { host: target.host }));
  leaveSafely(link);
  return link;
}

/** @param {HTMLElement[]} parts */
function spaced(parts) {
  return parts.flatMap((each, index) => (index ? [" ", each] : [each]));
}

/** @param {Document} document @param {string} tag @param {string} name @param {string} [text] */
function part(document, tag, name, text) {
  const created = document.createElement(tag);
  created.setAttribute("class", name);
  if (text !== undefined) created.append(text);
  return created;
}

/** @param {Element} element */
function leaveSafely(element) {
  element.setAttribute("rel", REL);
  element.setAttribute("target", "_blank");
  element.setAttribute("referrerpolicy", "no-referrer");
}
