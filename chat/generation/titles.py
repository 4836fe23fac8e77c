"""The initial title of a conversation: the first words of its first message."""

from __future__ import annotations

from typing import Final

LENGTH: Final = 60


def title_of(text: str) -> str:
    """One line of at most 60 characters, cut between words if possible."""
    words = " ".join(text.split())
    if len(words) <= LENGTH:
        return words
    head, _, _ = words[: LENGTH - 1].rpartition(" ")
    return (head if len(head) > LENGTH // 2 else words[: LENGTH - 1]).rstrip(" ,;:.-") + "…"
