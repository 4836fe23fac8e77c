"""How the visible text moves on the screen, frame by frame, while the user scrolls up.

Elements are looked up at a point on the screen: for skipped content, a browser only estimates positions.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from tests.engines.window import Window

# Finds the block below the upper edge, and records its position in each frame from now on.
BEGIN: Final = """() => {
  const scroller = document.querySelector("#transcript-scroller");
  const { top, left, width, height } = scroller.getBoundingClientRect();
  const BLOCKS = ".message__body > :not(.markdown-part), .markdown-part > *, .message:not(:has(.markdown))";
  let block = null;
  for (let y = top + 14; y < top + height && !block; y += 6) {
    block = document.elementFromPoint(left + width / 2, y)?.closest(BLOCKS);
  }
  const places = [block.getBoundingClientRect().top];
  const ruler = document.body.appendChild(document.createElement("i"));
  Object.assign(ruler.style, { position: "fixed", top: 0, blockSize: "1px", inlineSize: "1px" });
  // Each frame's place is the last before its paint. Of one size that has changed, observers are told in the order in
  // which they began: what the page does about the length of the text, it has done before this is told.
  const observers = [
    new ResizeObserver(() => places.push(block.getBoundingClientRect().top)),
    new ResizeObserver(() => (places[places.length - 1] = block.getBoundingClientRect().top)),
  ];
  observers[0].observe(ruler);
  observers[1].observe(scroller.querySelector("[data-part=content]"));
  let frame;
  const look = () => {
    ruler.style.inlineSize = `${1 + (places.length % 2)}px`;
    frame = requestAnimationFrame(look);
  };
  look();
  const end = () => {
    cancelAnimationFrame(frame);
    observers.forEach((observer) => observer.disconnect());
    ruler.remove();
  };
  window.watched = { places, end };
}"""
# Returns the positions once the block has moved and then stayed still for some frames.
END: Final = """([frames, patience]) => new Promise((resolve) => {
  const { places } = window.watched;
  const begun = performance.now();
  const look = () => {
    const last = places.slice(-frames);
    const still = places.length > frames && Math.max(...last) - Math.min(...last) < 0.5;
    const moved = Math.abs(places.at(-1) - places[0]) > 1;
    if (still && (moved || performance.now() - begun > patience)) {
      window.watched.end();
      resolve(places.map(Math.round));
    } else requestAnimationFrame(look);
  };
  look();
})"""
# Idle work waits for LET_IDLE, which then lets it do one piece per frame.
HOLD_IDLE: Final = """() => {
  window.idle = [];
  window.requestIdleCallback = (work) => window.idle.push(work);
}"""
LET_IDLE: Final = """() => {
  const go = () => {
    window.idle.splice(0).forEach((work) => work({ didTimeout: false, timeRemaining: () => 1e-6 }));
    requestAnimationFrame(go);
  };
  go();
}"""
FIRST_DRAWN: Final = """() => window.idle.length && document.querySelectorAll("#messages > *").length > 3"""
ALL_DRAWN: Final = "() => window.idle.length === 0"
FRAMES: Final = 10
PATIENCE_MS: Final = 1_000
# Allows for rounding.
TOLERANCE: Final = 3


@dataclass
class Move:
    """How far the text moved down, and the largest step in the opposite direction on the way."""

    distance: int
    back: int


async def wheel_up(window: Window, distance: int) -> Move:
    x, y = await window.run(
        """() => {
          const { left, top, width, height } = document.querySelector("#transcript-scroller").getBoundingClientRect();
          return [Math.round(left + width / 2), Math.round(top + height / 2)];
        }"""
    )
    await window.run(BEGIN)
    await window.wheel(x, y, -distance)
    return await _moved(window)


async def page_up(window: Window) -> Move:
    await window.run(BEGIN)
    await window.press("PageUp")
    return await _moved(window)


async def _moved(window: Window) -> Move:
    places = await window.run(END, [FRAMES, PATIENCE_MS])
    back = max((before - after for before, after in pairwise(places)), default=0)
    return Move(places[-1] - places[0], max(back, 0))
