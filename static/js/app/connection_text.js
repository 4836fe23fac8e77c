import { FORBIDDEN, NOT_SIGNED_IN, PROTOCOL } from "../client/close_codes.js";
import { gettext } from "../ui/i18n.js";

const OFFLINE_AFTER_MS = 5_000;

/**
 * @typedef {object} ConnectionText
 * @property {string} text empty if there is nothing to say
 * @property {"quiet" | "plain"} tone
 * @property {"login" | "reload" | "retry" | null} action what the user can do
 * @property {number | null} inMs when to ask again even if nothing has changed
 */

/** @type {ConnectionText} */
const SILENCE = { text: "", tone: "plain", action: null, inMs: null };

/**
 * What the user is told about the connection. Short interruptions are not shown.
 *
 * @param {import("../client/connection.js").ConnectionDetail} connection
 * @param {{ now: number, online: boolean }} options `now` in milliseconds since the epoch; `online`: as reported by
 *   the browser
 * @returns {ConnectionText}
 */
export function connectionText(connection, { now, online }) {
  const { state, transport, since, code } = connection;
  if (state === "closed") return finalText(code);
  if (state === "open") {
    return transport === "sse" ? { ...SILENCE, text: gettext("Live connection blocked – using plain HTTP"), tone: "quiet" } : SILENCE;
  }
  const left = OFFLINE_AFTER_MS - (now - since);
  if (left > 0) return { ...SILENCE, inMs: left };
  if (!online) return { ...SILENCE, text: gettext("You are offline. Your messages will be sent when you are back.") };
  return { ...SILENCE, text: lostText(connection), action: "retry" };
}

/** @param {import("../client/connection.js").ConnectionDetail} connection */
function lostText({ wasOpen, draining }) {
  if (draining) return gettext("The server is restarting. Your messages will be sent when it is back.");
  if (!wasOpen) return gettext("Still connecting. Your messages will be sent once connected.");
  return gettext("No connection, retrying. Your messages will be sent once it is back.");
}

/** @param {number | null} code @returns {ConnectionText} */
function finalText(code) {
  if (code === NOT_SIGNED_IN) return { ...SILENCE, text: gettext("You are signed out. Your draft is kept."), action: "login" };
  if (code === FORBIDDEN) return { ...SILENCE, text: gettext("This site does not accept connections from this address.") };
  if (code === PROTOCOL) return { ...SILENCE, text: gettext("This page is out of date."), action: "reload" };
  return SILENCE;
}
