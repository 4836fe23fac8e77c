"""Caches error responses for clients that keep repeating a refused request, to answer them without any work."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from chat.rate_limit import SlidingWindow

# A client refused more often than this within these seconds ignores Retry-After.
REFUSED: Final = 10
REFUSED_SECONDS: Final = 10.0
# The longest time to repeat a response, whatever its Retry-After: the request may succeed by then.
LONGEST_SECONDS: Final = 5.0
KEPT: Final = 256
BODY_BYTES: Final = 16 * 1024

# (user id, method, path)
Key = tuple[int, str, str]


@dataclass(frozen=True, slots=True)
class Response:
    """An error response, as its two ASGI messages."""

    start: dict[str, Any]
    body: dict[str, Any]


class RepeatedErrors:
    """The repeated errors of this process."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._refused = SlidingWindow(REFUSED_SECONDS, clock=clock)
        self._kept: OrderedDict[Key, tuple[float, Response]] = OrderedDict()

    def recall(self, key: Key) -> Response | None:
        """The cached response to this request, if its retry time has not come yet."""
        kept = self._kept.get(key)
        return kept[1] if kept and self._clock() < kept[0] else None

    def happened(self, key: Key, response: Response, seconds: float) -> None:
        """This user was told to retry after `seconds`. Caches the response only for clients that ignore that."""
        if self._refused.take(key[0], limit=REFUSED) and len(response.body.get("body", b"")) <= BODY_BYTES:
            self._kept[key] = (self._clock() + min(seconds, LONGEST_SECONDS), response)
            self._kept.move_to_end(key)
            if len(self._kept) > KEPT:
                self._kept.popitem(last=False)
