import { warn } from "./warning.js";

/**
 * The objects of protocol version 1, as on the wire.
 *
 * @typedef {object} RunEvent one entry of a run's log
 * @property {string | null} id the cursor `<epoch>.<seq>`; null for an event created by the client
 * @property {string} event
 * @property {Record<string, any>} data
 *
 * @typedef {object} LiveRun
 * @property {string} run_id
 * @property {string} conversation_id
 * @property {string | null} client_message_id
 * @property {string} title
 * @property {string} cursor
 *
 * @typedef {object} Hello over SSE, `user` is null: only the socket reports who is signed in
 * @property {number} [protocol] over the socket
 * @property {{ id: number | string, username: string } | null} user
 * @property {number} [heartbeat] seconds, over the socket
 * @property {LiveRun[]} runs
 *
 * @typedef {Record<string, any> & { type: string }} Frame
 */

/**
 * @param {unknown} text
 * @returns {Record<string, any> | null} null, with a warning, if it is not a JSON object
 */
export function parseObject(text) {
  try {
    const value = typeof text === "string" ? JSON.parse(text) : null;
    if (isObject(value)) return value;
  } catch {
    // Not JSON: same warning.
  }
  warn("ignored input that is not a JSON object");
  return null;
}

/**
 * @param {unknown} text one WebSocket message
 * @returns {Frame | null}
 */
export function parseFrame(text) {
  const frame = parseObject(text);
  if (!frame || typeof frame.type === "string") return /** @type {Frame | null} */ (frame);
  warn("ignored a frame without a type");
  return null;
}

/**
 * @param {Record<string, any>} frame a hello, or the list of live runs
 * @returns {Hello}
 */
export function readHello(frame) {
  const runs = Array.isArray(frame.runs) ? frame.runs : [];
  return {
    ...frame,
    user: isObject(frame.user) ? /** @type {any} */ (frame.user) : null,
    runs: runs.filter((run) => isObject(run) && typeof run.run_id === "string"),
  };
}

/**
 * How long a server may be silent: three heartbeats, as announced in its hello or ping, but at least one default
 * heartbeat.
 *
 * @param {Record<string, any> | null} told
 */
export function silenceMs(told) {
  return 3_000 * Math.max(5, +told?.heartbeat || 15);
}

/** @param {unknown} value @returns {value is Record<string, any>} */
export function isObject(value) {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** @param {unknown} value @returns {string[]} */
export function strings(value) {
  return Array.isArray(value) ? value.filter((item) => typeof item === "string") : [];
}
