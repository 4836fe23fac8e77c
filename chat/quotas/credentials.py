"""Remembers which user a cookie or API token belonged to when it was last looked up. Stores only hashes."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from typing import Final

KNOWN: Final = 4096


class Credentials:
    """The last KNOWN valid credentials in this process. Only for counting: they may no longer be valid."""

    def __init__(self) -> None:
        self._known: OrderedDict[bytes, int] = OrderedDict()

    def find(self, credential: str) -> int | None:
        """The user the credential belonged to; None if it is unknown or empty."""
        return self._known.get(_digest(credential)) if credential else None

    def learn(self, credential: str, user_id: int) -> None:
        """The credential belongs to this user."""
        if credential:
            digest = _digest(credential)
            self._known[digest] = user_id
            self._known.move_to_end(digest)
            if len(self._known) > KNOWN:
                self._known.popitem(last=False)

    def forget(self, credential: str) -> None:
        """The credential is not valid."""
        self._known.pop(_digest(credential), None)


def _digest(credential: str) -> bytes:
    return hashlib.blake2b(credential.encode("utf-8", "surrogateescape"), digest_size=16).digest()
