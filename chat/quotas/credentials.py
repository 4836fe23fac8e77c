"""Whose a cookie or a token was when it was last looked up: known by its hash, without the database."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from typing import Final

KNOWN: Final = 4096


class Credentials:
    """Of this process, the KNOWN that were right last. For counting alone: it does not say that they still are."""

    def __init__(self) -> None:
        self._known: OrderedDict[bytes, int] = OrderedDict()

    def find(self, credential: str) -> int | None:
        """The user whose it was; None for one that is not known, and for none (empty)."""
        return self._known.get(_digest(credential)) if credential else None

    def learn(self, credential: str, user_id: int) -> None:
        """It is this user's."""
        if credential:
            digest = _digest(credential)
            self._known[digest] = user_id
            self._known.move_to_end(digest)
            if len(self._known) > KNOWN:
                self._known.popitem(last=False)

    def forget(self, credential: str) -> None:
        """It is nobody's."""
        self._known.pop(_digest(credential), None)


def _digest(credential: str) -> bytes:
    return hashlib.blake2b(credential.encode("utf-8", "surrogateescape"), digest_size=16).digest()
