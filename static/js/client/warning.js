/**
 * Logs to the console what the client has ignored. The client continues: one malformed frame must not lose the others.
 *
 * Requests cut off by the network are not logged: the browser lists them, the page shows a lost connection, and in
 * Firefox leaving a page cuts off every request in progress.
 *
 * @param {string} what
 * @param {...unknown} details never message text
 */
export function warn(what, ...details) {
  if (/** @type {any} */ (details.at(-1))?.code === "network") return;
  // eslint-disable-next-line no-console -- helps to debug why something did not appear
  console.warn(`chat: ${what}`, ...details);
}
