"""What happened at the server: requests, connections, and what was sent when. Times are by time.monotonic()."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass
class Connection:
    number: int
    opened: float
    closed: float | None = None


@dataclass
class Exchange:
    """One request for an answer. `sent` holds (time, text) of each piece of text or reasoning."""

    number: int
    connection: int
    at: float
    model: str
    prompt: str
    body: dict[str, Any]
    headers: dict[str, str]
    sent: list[tuple[float, str]] = field(default_factory=list)
    ended: float | None = None
    # Whether the script finished; False also while it plays, and if the client disconnected first.
    complete: bool = False

    @property
    def text(self) -> str:
        return "".join(text for _, text in self.sent)


class Journal:
    def __init__(self) -> None:
        self.connections: list[Connection] = []
        self.exchanges: list[Exchange] = []
        self._changed = asyncio.Event()

    @property
    def open_connections(self) -> int:
        return sum(connection.closed is None for connection in self.connections)

    async def wait(self, condition: Callable[[Journal], bool], *, seconds: float = 5.0) -> None:
        """Returns when the condition holds. Raises TimeoutError if it does not hold in time."""
        async with asyncio.timeout(seconds):
            while not condition(self):
                self._changed.clear()
                await self._changed.wait()

    def changed(self) -> None:
        self._changed.set()

    def connect(self) -> Connection:
        connection = Connection(len(self.connections), time.monotonic())
        self.connections.append(connection)
        self.changed()
        return connection

    def disconnect(self, connection: Connection) -> None:
        connection.closed = time.monotonic()
        self.changed()

    def begin(self, connection: int, body: dict[str, Any], headers: dict[str, str]) -> Exchange:
        exchange = Exchange(
            number=len(self.exchanges),
            connection=connection,
            at=time.monotonic(),
            model=str(body.get("model", "")),
            prompt=prompt_of(body),
            body=body,
            headers=headers,
        )
        self.exchanges.append(exchange)
        self.changed()
        return exchange

    def end(self, exchange: Exchange, *, complete: bool) -> None:
        exchange.ended = time.monotonic()
        exchange.complete = complete
        self.changed()

    def as_json(self, prompt: str | None = None) -> dict[str, Any]:
        """`prompt`: only the exchanges with this prompt."""
        exchanges = [exchange for exchange in self.exchanges if prompt in (None, exchange.prompt)]
        return {
            "now": time.monotonic(),
            "open_connections": self.open_connections,
            "connections": [asdict(connection) for connection in self.connections],
            "exchanges": [asdict(exchange) for exchange in exchanges],
        }


def prompt_of(body: dict[str, Any]) -> str:
    """The text of the last user message."""
    for message in reversed(body.get("messages") or body.get("input") or []):
        if message.get("role") == "user":
            content = message.get("content")
            return content if isinstance(content, str) else "".join(part.get("text", "") for part in content or ())
    return ""
