/**
 * Does something once, when the page has nothing better to do.
 *
 * @param {() => unknown} work
 * @param {number} patienceMs after so long a busy page does it all the same
 */
export function whenIdle(work, patienceMs) {
  // Absent in Safari.
  if (typeof requestIdleCallback === "function") requestIdleCallback(() => void work(), { timeout: patienceMs });
  else setTimeout(work);
}
