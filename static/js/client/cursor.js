/**
 * A position in the log of one run: `<epoch>.<seq>` on the wire.
 *
 * @typedef {{ readonly epoch: string, readonly seq: number }} Cursor
 */

const CURSOR = /^([^.]{1,64})\.(\d{1,16})$/;

/**
 * @param {unknown} text
 * @returns {Cursor | null} null for anything that is not a cursor
 */
export function parseCursor(text) {
  const match = typeof text === "string" ? CURSOR.exec(text) : null;
  if (!match) return null;
  const seq = Number(match[2]);
  return Number.isSafeInteger(seq) ? { epoch: match[1], seq } : null;
}

/**
 * @param {Cursor | null} cursor
 * @returns {string | null}
 */
export function formatCursor(cursor) {
  return cursor && `${cursor.epoch}.${cursor.seq}`;
}

/**
 * Whether a reader at `cursor` has not seen the event at `tip`. A tip from another epoch counts as unseen.
 *
 * @param {Cursor | null} cursor
 * @param {Cursor} tip
 */
export function isBehind(cursor, tip) {
  return cursor?.epoch === tip.epoch ? cursor.seq < tip.seq : tip.seq > 0;
}
