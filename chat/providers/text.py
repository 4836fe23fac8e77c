"""Text that is valid in JSON, a database and a browser: no NUL, no lone surrogates. And text to be translated."""

from __future__ import annotations

from chat.protocol.untrusted_input import clean


def gettext_noop(text: str) -> str:
    """Marks a text that pages translate, for bin/messages: Django's own would make providers depend on Django."""
    return text


class Joiner:
    """Cleans text that arrives in pieces. A surrogate pair split over two pieces becomes one character."""

    def __init__(self) -> None:
        self._held = ""

    def push(self, piece: str) -> str:
        """The text that can be shown now. A trailing high surrogate is held back for the next piece."""
        if self._held:
            piece = self._held + piece
            self._held = ""
        if piece and "\ud800" <= piece[-1] <= "\udbff":
            self._held = piece[-1]
            piece = piece[:-1]
        return clean(piece)

    def close(self) -> str:
        """The text still held back, cleaned."""
        held, self._held = self._held, ""
        return clean(held)
