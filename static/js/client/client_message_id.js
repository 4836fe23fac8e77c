/**
 * A new UUID, the idempotency key of one send.
 *
 * `crypto.randomUUID` only exists in secure contexts, and a self-hosted site is often plain HTTP on a home network.
 * There the UUID is built from `crypto.getRandomValues` (RFC 9562, version 4).
 *
 * @param {{ randomUUID?: () => string, getRandomValues: (bytes: Uint8Array<ArrayBuffer>) => unknown }} [source]
 * @returns {string}
 */
export function newClientMessageId(source = globalThis.crypto) {
  if (source.randomUUID) return source.randomUUID();
  const bytes = new Uint8Array(16);
  source.getRandomValues(bytes);
  bytes[6] = (bytes[6] & 0x0f) | 0x40;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join("-");
}
