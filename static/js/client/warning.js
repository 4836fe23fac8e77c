/**
 * Says on the console what the client has ignored. It goes on: a malformed frame is no reason to lose the others.
 *
 * @param {string} what
 * @param {...unknown} details never the text of a message
 */
export function warn(what, ...details) {
  // eslint-disable-next-line no-console -- for whoever looks into why something did not appear
  console.warn(`chat: ${what}`, ...details);
}
