/**
 * Which links a model's text may carry. An allow-list on the parsed URL: everything not named here is refused, and the
 * caller shows a refused link as plain text.
 */

// A definition is written once and used a thousand times; each use would repeat its address.
const LONGEST_HREF = 2_048;
const UNSAFE_CHARACTERS = /[\u0000-\u0020\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\\]/;
const DIRECTION_OVERRIDES = /[\u202a-\u202e\u2066-\u2069]/;
const CONVERSATION_PATH = /^\/c\/[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;
const FRAGMENT = /^#[^\s]*$/;
const URL_IN_TEXT = /\bhttps?:\/\/[^\s/?#<>()[\]"']+/i;
const HOST_ALONE = /^(?:www\.)?(?:[\p{L}\p{N}](?:[\p{L}\p{N}-]*[\p{L}\p{N}])?\.)+(\p{L}{2,})(?=$|[/:?#])\S*$/iu;
// Link texts such as "manage.py" or "README.md" are file names far more often than hosts.
const FILE_EXTENSIONS = new Set(
  (
    "bash bat c cc cfg cfm conf cpp cs css csv doc docx env go gz h hpp htm html ini ipynb java jpeg jpg js json jsx key " +
    "kt less lock log lua mjs md mdx mp3 mp4 pdf php pl png ppt pptx ps pub py rb rs rst scala scss sh sql svg " +
    "swift tar tex toml ts tsx txt vue wasm webp xls xlsx xml yaml yml zip"
  ).split(" "),
);

/**
 * @typedef {object} LinkTarget
 * @property {string} href   canonical form, safe to put into `href`
 * @property {string} host   what to show the reader: the host in punycode, or the mail address; "" inside this site
 * @property {"web" | "mail" | "fragment" | "conversation"} kind
 */

/**
 * Decides on a link. Guarantees that `href` of the answer is https:, http:, mailto:, `#…` or `/c/<uuid>`.
 *
 * @param {string} href
 * @param {string} location  URL of the page
 * @returns {LinkTarget | null} null if the link must not be made
 */
export function linkTarget(href, location) {
  if (!href || href.length > LONGEST_HREF || UNSAFE_CHARACTERS.test(href)) return null;
  if (FRAGMENT.test(href)) return { href, host: "", kind: "fragment" };
  const base = parse(location);
  const url = parse(href, base ?? undefined);
  if (!url) return null;
  if (url.protocol === "mailto:") return mailTarget(url);
  if (url.protocol !== "https:" && url.protocol !== "http:") return null;
  if (!url.hostname || url.username || url.password || hasUserinfo(href)) return null;
  if (base && url.origin === base.origin) return conversationTarget(url);
  return isAbsolute(href) ? { href: url.href, host: url.host, kind: "web" } : null;
}

/**
 * The host which a link's text claims to lead to, if it is not the one the link leads to.
 *
 * @param {string} text
 * @param {LinkTarget} target
 * @returns {string | null}
 */
export function claimedOtherHost(text, target) {
  if (target.kind === "fragment") return null;
  const claimed = claimedHost(text);
  if (claimed === null || withoutWww(claimed) === withoutWww(target.host)) return null;
  return claimed;
}

/** Whether a text turns its letters around, so that it reads as another one. @param {string} text */
export function hidesItsDirection(text) {
  return DIRECTION_OVERRIDES.test(text);
}

/** @param {string} text */
function claimedHost(text) {
  const trimmed = text.trim();
  const inside = URL_IN_TEXT.exec(trimmed);
  if (inside) return parse(inside[0])?.host ?? inside[0];
  const alone = HOST_ALONE.exec(trimmed);
  if (!alone || trimmed.includes("@")) return null;
  if (FILE_EXTENSIONS.has(alone[1].toLowerCase())) return null;
  return parse(`https://${trimmed}`)?.host ?? null;
}

/** @param {URL} url @returns {LinkTarget | null} */
function mailTarget(url) {
  const address = safeDecode(url.pathname);
  return address.includes("@") && !UNSAFE_CHARACTERS.test(address) ? { href: url.href, host: address, kind: "mail" } : null;
}

/** @param {URL} url @returns {LinkTarget | null} */
function conversationTarget(url) {
  if (!CONVERSATION_PATH.test(url.pathname) || url.search || url.hash) return null;
  return { href: url.pathname, host: "", kind: "conversation" };
}

/** @param {string} href */
function isAbsolute(href) {
  return /^https?:\/\//i.test(href);
}

/** An empty userinfo (`https://@host`) leaves no trace in the parsed URL. @param {string} href */
function hasUserinfo(href) {
  return /^[^:/?#]*:?\/*[^/?#]*@/.test(href);
}

/** @param {string} host */
function withoutWww(host) {
  return host.toLowerCase().replace(/^www\./, "");
}

/** @param {string} text */
function safeDecode(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** @param {string} href @param {URL} [base] */
function parse(href, base) {
  try {
    return new URL(href, base);
  } catch {
    return null;
  }
}
