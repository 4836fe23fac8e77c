/** Long work in slices, so that the page can be used meanwhile. */

// Well below what is felt, with time for the browser to lay out what was made.
const SLICE_MS = 24;

/**
 * Does the first slice at once, and the others when the page has had its turn. Without a page it is all done at once.
 *
 * @param {Iterator<unknown>} work  may be left after each step
 * @param {Document} document  the page, or without a page any other
 * @param {((next: () => void) => void)} [later]
 * @param {() => boolean} [isWanted]  asked before each slice but the first
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
