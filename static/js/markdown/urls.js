/**
 * Decides which links a model's text may contain, by an allow-list on the parsed URL. Everything not listed is
 * refused, and the caller shows a refused link as plain text.
 */

// A definition is written once but can be used a thousand times, and each use would repeat its address.
const LONGEST_HREF = 2_048;
const UNSAFE_CHARACTERS = /[\u0000-\u0020\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\\]/;
const DIRECTION_OVERRIDES = /[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/;
const INVISIBLE = /[\u00ad\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufe00-\ufe0f\ufeff]/g;
// Characters that look like a dot or a slash.
const DOTS = /[\u2024\u3002\uff0e\uff61]/g;
const SLASHES = /[\u2044\u2215\u29f8\uff0f]/g;
const CONVERSATION_PATH = /^c\/[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;
const FRAGMENT = /^#[^\s]*$/;
const URL_IN_TEXT = /https?:\/\/[^\s/?#<>()[\]"']+/gi;
const ADDRESS_IN_TEXT = /(?<![^\s<>()[\]"':;,/])[^\s<>()[\]"':;,/]+@[^\s<>()[\]"':;,/?@]+\.[\p{L}\p{N}-]{2,}/gu;
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
 * @property {string} host   shown to the reader: the host in punycode, or the mail address; "" inside this site
 * @property {"web" | "mail" | "fragment" | "conversation"} kind
 */

/**
 * Checks a link. Guarantees that the resulting `href` is https:, http:, mailto:, `#…` or a conversation on this site.
 *
 * @param {string} href
 * @param {string} location  URL of the page
 * @returns {LinkTarget | null} null if the link must not be created
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
  if (base && url.origin === base.origin) return conversationTarget(url, base.pathname.replace(/c\/[^/]*$/, ""));
  return isAbsolute(href) ? { href: url.href, host: url.host, kind: "web" } : null;
}

/**
 * The destination claimed by a link's text if it differs from the real one: a host, a mail address, or something that
 * looks like one in another script.
 *
 * @param {string} text
 * @param {LinkTarget} target
 * @returns {string | null}
 */
export function claimedOtherHost(text, target) {
  if (target.kind === "fragment") return null;
  const claim = claims(text.replace(INVISIBLE, "").replace(DOTS, ".").replace(SLASHES, "/")).find((each) => !isTrue(each, target));
  return claim === undefined ? null : claim.includes("@") ? claim : (claimedHost(claim) ?? claim);
}

/** Whether a text reverses its letters, so that it reads as a different text. @param {string} text */
export function hidesItsDirection(text) {
  return DIRECTION_OVERRIDES.test(text);
}

/** Hosts and addresses in a text, as written. @param {string} text @returns {string[]} */
function claims(text) {
  const urls = text.match(URL_IN_TEXT) ?? [];
  const rest = text.replace(URL_IN_TEXT, " ");
  const addresses = rest.match(ADDRESS_IN_TEXT) ?? [];
  const words = rest.replace(ADDRESS_IN_TEXT, " ").split(/[\s()[\]"'<>,;]+/);
  const hosts = words.map((word) => word.replace(/(?<![.:!?])[.:!?]+$/, "")).filter((word) => {
    const extension = HOST_ALONE.exec(word)?.[1];
    return extension && !FILE_EXTENSIONS.has(extension.toLowerCase());
  });
  return [...urls, ...addresses, ...hosts];
}

/** @param {string} claim @param {LinkTarget} target */
function isTrue(claim, target) {
  const isUrl = /^https?:/i.test(claim);
  // Letters of other scripts can look like these; and no host comes before an "@".
  if (/[^\0-\x7f]/.test(claim) || (isUrl && claim.includes("@"))) return false;
  if (!isUrl && claim.includes("@")) {
    if (target.kind === "mail") return claim.toLowerCase() === target.host.toLowerCase();
    return withoutWww(claim.slice(claim.lastIndexOf("@") + 1)) === withoutWww(target.host);
  }
  const host = claimedHost(claim);
  if (target.kind === "mail") return host === target.host.slice(target.host.lastIndexOf("@") + 1).toLowerCase();
  return host !== undefined && withoutWww(host) === withoutWww(target.host);
}

/** @param {string} claim  an address or a host */
function claimedHost(claim) {
  return parse(/^https?:/i.test(claim) ? claim : `https://${claim}`)?.host;
}

/**
 * Keeps only the fields that the user will see: `bcc` would send a copy to someone unseen.
 *
 * @param {URL} url
 * @returns {LinkTarget | null}
 */
function mailTarget(url) {
  const address = safeDecode(url.pathname);
  if (!address.includes("@") || UNSAFE_CHARACTERS.test(address)) return null;
  const fields = url.search.slice(1).split("&").filter((field) => /^(?:subject|body)=/i.test(field));
  const href = `mailto:${url.pathname}${fields.length ? `?${fields.join("&")}` : ""}`;
  return { href, host: address.split(",").map(inAscii).join(","), kind: "mail" };
}

/** @param {string} address  a mail address, or something that looks like one */
function inAscii(address) {
  const at = address.lastIndexOf("@") + 1;
  return address.slice(0, at) + (parse(`https://${address.slice(at)}`)?.hostname ?? address.slice(at));
}

/** @param {URL} url @param {string} root  the site's path on its host @returns {LinkTarget | null} */
function conversationTarget(url, root) {
  const [before, path] = [url.pathname.slice(0, root.length), url.pathname.slice(root.length)];
  if (before !== root || !CONVERSATION_PATH.test(path) || url.search || url.hash) return null;
  return { href: url.pathname, host: "", kind: "conversation" };
}

/** @param {string} href */
function isAbsolute(href) {
  return /^https?:\/\//i.test(href);
}

/** An empty userinfo (`https://@host`) leaves no trace in the parsed URL. @param {string} href */
function hasUserinfo(href) {
  return /^(?:[^:/?#]*:?\/+)?[^/?#]*@/.test(href);
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
