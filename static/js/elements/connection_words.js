const OFFLINE_AFTER_MS = 5_000;

/**
 * @typedef {object} ConnectionWords
 * @property {string} text empty for nothing to say
 * @property {"quiet" | "plain"} tone
 * @property {"login" | "reload" | null} action what the person can do
 * @property {number | null} inMs when to ask again, though nothing has changed
 */

/** @type {ConnectionWords} */
const SILENCE = { text: "", tone: "plain", action: null, inMs: null };

/**
 * What a person is told about the connection. A short loss is nobody's business.
 *
 * @param {import("../client/connection.js").ConnectionDetail} connection
 * @param {number} now in milliseconds since the epoch
 * @returns {ConnectionWords}
 */
export function connectionWords({ state, transport, since, code }, now) {
  if (state === "closed") return finalWords(code);
  if (state === "open") {
    return transport === "sse" ? { ...SILENCE, text: "Live connection blocked – using plain HTTP", tone: "quiet" } : SILENCE;
  }
  const left = OFFLINE_AFTER_MS - (now - since);
  if (left > 0) return { ...SILENCE, inMs: left };
  return { ...SILENCE, text: "No connection, trying again. Messages go out as soon as it is back." };
}

/** @param {number | null} code @returns {ConnectionWords} */
function finalWords(code) {
  if (code === 4401) return { ...SILENCE, text: "You are signed out. Your words stay here.", action: "login" };
  if (code === 4403) return { ...SILENCE, text: "This site does not accept connections from this address." };
  if (code === 4400) return { ...SILENCE, text: "This page is older than the site.", action: "reload" };
  return SILENCE;
}
