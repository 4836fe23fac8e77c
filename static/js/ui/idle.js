/**
 * Runs something once, when the page is idle.
 *
 * @param {() => unknown} work
 * @param {number} patienceMs after this time, even a busy page runs it
 */
export function whenIdle(work, patienceMs) {
  // Absent in Safari.
  if (typeof requestIdleCallback === "function") requestIdleCallback(() => void work(), { timeout: patienceMs });
  else setTimeout(work);
}
