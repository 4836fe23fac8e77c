"""Checks what a client has read from a stream."""

from __future__ import annotations

import json
from collections.abc import Sequence

from tests.faults.client import numbered
from tests.faults.processes import Site, Upstream

Read = Sequence[tuple[str, str]]
"""The name and data of each event, as the client returns them."""


def check_whole(read: Read, text: str) -> None:
    """The JSON of each event has its name as the type, and the answer is complete and appears once."""
    data = [(name, json.loads(each)) for name, each in read]
    assert [name for name, _ in data] == [each["type"] for _, each in data]
    names = [name for name, _ in data if name not in {"ping", "status", "usage"}]
    assert (names[0], names[-1]) == ("start", "done")
    assert set(names[1:-1]) == {"token"}
    assert "".join(each["text"] for name, each in data if name == "token") == text


def check_once(site: Site, upstream: Upstream, prompt: str) -> None:
    """The message was answered once, however often it was sent."""
    assert len(upstream.exchanges(prompt)) == 1
    assert site.rows("SELECT COUNT(*) FROM chat_message WHERE text = ?", prompt) == [(1,)]


def answer_to(prompt: str) -> str:
    """The model server's answer to a `numbered`, `hold` or `big` prompt."""
    if prompt.startswith("/big"):
        return "0123456789" * (int(prompt.rpartition("size=")[2].split()[0]) // 10)
    return numbered(prompt, int(prompt.rpartition("count=")[2].split()[0]))
