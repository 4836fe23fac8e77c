const SOON_MS = 1;
const SLICE_MS = 8;

/**
 * Runs a step repeatedly while the page is idle.
 *
 * @param {() => boolean} step does one piece and returns whether there is more
 * @returns {() => void} stops it
 */
export function workWhenIdle(step) {
  const later = globalThis.requestIdleCallback;
  let ended = false;
  const ask = () => (later ? later(run, { timeout: 500 }) : setTimeout(run, SOON_MS));
  /** @param {IdleDeadline} [deadline] Safari has none */
  const run = (deadline) => {
    const end = performance.now() + Math.min(SLICE_MS, deadline?.timeRemaining() || SLICE_MS);
    let more = !ended;
    while (more && performance.now() < end) more = step();
    if (more && !ended) ask();
  };
  ask();
  return () => (ended = true);
}
