const UPWARD_KEYS = new Set(["PageUp", "ArrowUp", "Home"]);
const TYPING = "input, textarea, select, [contenteditable]";

/**
 * Reports at once when the reader moves up, by wheel, touch or key. The scroll itself comes frames later, and text
 * that grows in the meantime would undo it.
 *
 * @param {HTMLElement} scroller
 * @param {() => void} onUpward
 * @param {AbortSignal} signal stops it
 */
export function watchUpwardMoves(scroller, onUpward, signal) {
  const options = { signal, passive: true };
  let touchY = 0;
  scroller.addEventListener("wheel", (event) => event.deltaY < 0 && onUpward(), options);
  scroller.addEventListener("touchstart", (event) => (touchY = event.touches[0].clientY), options);
  scroller.addEventListener("touchmove", (event) => event.touches[0].clientY > touchY && onUpward(), options);
  document.addEventListener("keydown", (event) => isUpward(event) && onUpward(), { signal });
}

/** Whether the reader presses a mouse button or a finger on the scroller or its scroll bar. */
export class PressedPointer {
  pressed = false;

  /** @param {HTMLElement} scroller @param {AbortSignal} signal stops it */
  constructor(scroller, signal) {
    const options = { signal, passive: true, capture: true };
    scroller.addEventListener("pointerdown", () => (this.pressed = true), options);
    // A release on a scroll bar is not reported everywhere: the next move without a button tells it as well.
    for (const kind of ["pointerup", "pointercancel", "pointermove"]) {
      document.addEventListener(kind, (event) => (this.pressed &&= /** @type {PointerEvent} */ (event).buttons !== 0), options);
    }
  }
}

/** @param {Pick<KeyboardEvent, "key" | "shiftKey" | "target">} event */
function isUpward({ key, shiftKey, target }) {
  if (!UPWARD_KEYS.has(key) && !(key === " " && shiftKey)) return false;
  return !(target instanceof Element && target.closest(TYPING));
}
