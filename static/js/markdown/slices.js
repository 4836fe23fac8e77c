/** Runs long work in slices so that the page stays responsive. */

// Well below the perceptible, with time for the browser to lay out the result.
const SLICE_MS = 24;

/**
 * Runs the first slice at once, and each further one after yielding to the page. Without a page, runs everything at
 * once.
 *
 * @param {Iterator<unknown>} work  may be interrupted after each step
 * @param {Document} document the page, or any other one without a page
 * @param {((next: () => void) => void)} [later]
 * @param {() => boolean} [isWanted]  checked before each slice but the first
 */
export function runInSlices(work, document, later = afterPage, isWanted = () => true) {
  const start = performance.now();
  while (!work.next().done) {
    // Lays out what was made. Of a few characters that make many elements it is the longest part, and counts here.
    void document.body?.offsetHeight;
    if (performance.now() - start >= SLICE_MS) return later(() => isWanted() && runInSlices(work, document, later, isWanted));
  }
}

/** @param {() => void} work */
function afterPage(work) {
  if (typeof requestAnimationFrame === "function") setTimeout(work);
  else work();
}
