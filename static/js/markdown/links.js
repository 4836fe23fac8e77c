/** Anchors for links and images out of a model's text. They never load anything by themselves. */

import { claimedOtherHost, linkTarget } from "./urls.js";

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
 * To be called when the link's text is complete: names the true host, visibly, if the text claims another one.
 *
 * @param {HTMLAnchorElement} element
 * @param {LinkTarget} target
 */
export function warnOfOtherHost(element, target) {
  const claimed = claimedOtherHost(element.textContent ?? "", target);
  if (claimed === null) return;
  const host = target.host || "this site";
  element.setAttribute("class", "link-mismatch");
  element.setAttribute("title", `Leads to ${host}, not to ${claimed}`);
  const warning = element.ownerDocument.createElement("span");
  warning.setAttribute("class", "link-host");
  warning.append(` (leads to ${host})`);
  element.append(warning);
}

/**
 * Stands where an image would: its text and its host. A click opens the image in a new tab. Inside a link, or when the
 * address is refused, it leads nowhere.
 *
 * @param {Document} document
 * @param {{ source: string, alt: string, location: string, insideLink: boolean }} image
 */
export function createImagePlaceholder(document, { source, alt, location, insideLink }) {
  const target = linkTarget(source, location);
  const reachable = target?.kind === "web" && !insideLink;
  const element = document.createElement(reachable ? "a" : "span");
  element.setAttribute("class", "image-placeholder");
  if (target?.kind === "web" && reachable) {
    element.setAttribute("href", target.href);
    element.setAttribute("title", `Open the image from ${target.host} in a new tab`);
    leaveSafely(element);
  }
  element.append(placeholderPart(document, "image-alt", alt.trim() || "Image"));
  if (target?.kind === "web") element.append(" ", placeholderPart(document, "image-host", target.host));
  return element;
}

/** @param {Document} document @param {string} name @param {string} text */
function placeholderPart(document, name, text) {
  const part = document.createElement("span");
  part.setAttribute("class", name);
  part.append(text);
  return part;
}

/** @param {Element} element */
function leaveSafely(element) {
  element.setAttribute("rel", REL);
  element.setAttribute("target", "_blank");
  element.setAttribute("referrerpolicy", "no-referrer");
}
