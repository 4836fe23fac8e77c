/**
 * Says on the console what the client has ignored. It goes on: a malformed frame is no reason to lose the others.
 *
 * A request that the network cut off is left out: the browser lists it, the page shows a lost connection, and in Firefox each
 * page that is left cuts off what it was just reading.
 *
 * @param {string} what
 * @param {...unknown} details never the text of a message
 */
export function warn(what, ...details) {
  if (/** @type {any} */ (details.at(-1))?.code === "network") return;
  // eslint-disable-next-line no-console -- for whoever looks into why something did not appear
  console.warn(`chat: ${what}`, ...details);
}
