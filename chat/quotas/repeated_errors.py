"""What a user was refused just now: who asks for it all the same, over and over, hears it again without any work."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from chat.rate_limit import SlidingWindow

# Whoever is refused more often than this, within so many seconds, does not listen.
REFUSED: Final = 10
REFUSED_SECONDS: Final = 10.0
# At most so long, whatever the answer says: what was refused may be possible by now.
LONGEST_SECONDS: Final = 5.0
KEPT: Final = 256
BODY_BYTES: Final = 16 * 1024

# A user's id, and the method and the path of a request.
Key = tuple[int, str, str]


@dataclass(frozen=True, slots=True)
class Response:
    """Of a request that came too early: the two messages of an ASGI response."""

    start: dict[str, Any]
    body: dict[str, Any]


class RepeatedErrors:
    """Of this process."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._refused = SlidingWindow(REFUSED_SECONDS, clock=clock)
        self._kept: OrderedDict[Key, tuple[float, Response]] = OrderedDict()

    def recall(self, key: Key) -> Response | None:
        """The answer to this request, if its time has not come yet."""
        kept = self._kept.get(key)
        return kept[1] if kept and self._clock() < kept[0] else None

    def happened(self, key: Key, answer: Response, seconds: float) -> None:
        """This user was told to come back after so many seconds. Kept only for those who do not listen."""
        if self._refused.take(key[0], limit=REFUSED) and len(answer.body.get("body", b"")) <= BODY_BYTES:
            self._kept[key] = (self._clock() + min(seconds, LONGEST_SECONDS), answer)
            self._kept.move_to_end(key)
            if len(self._kept) > KEPT:
                self._kept.popitem(last=False)
