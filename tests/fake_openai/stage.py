"""One request and its response, as a script sees them."""

from __future__ import annotations

import asyncio
import hashlib
import json
import re
import time
from typing import TYPE_CHECKING, Any

from aiohttp import web

from tests.fake_openai.journal import Exchange

if TYPE_CHECKING:
    from tests.fake_openai.server import FakeOpenAI

_OPTION = re.compile(r"(?<!\S)([a-z]+)=(\S+)")


def hash_of(text: str) -> str:
    """8 hex digits."""
    return hashlib.sha256(text.encode()).hexdigest()[:8]


class Stage:
    """What a script can do. Nothing is sent before the first `say`, `think`, `raw` or `open`."""

    def __init__(self, server: FakeOpenAI, request: web.BaseRequest, exchange: Exchange) -> None:
        self.server = server
        self.exchange = exchange
        self.options = dict(_OPTION.findall(exchange.prompt))
        self.response: web.StreamResponse = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        self._request = request
        self._started = 0.0
        self._pieces = 0
        self._releases = server.releases

    @property
    def prompt(self) -> str:
        return self.exchange.prompt

    @property
    def messages(self) -> list[dict[str, Any]]:
        """The conversation, in the format of chat completions."""
        messages: list[dict[str, Any]] = self.exchange.body["messages"]
        return messages

    @property
    def rate(self) -> float:
        """Pieces per second; 0 is as fast as the client reads."""
        return float(self.options.get("rate", "0"))

    def count(self, name: str, default: int) -> int:
        return int(self.options.get(name, default))

    def attempt(self) -> int:
        """How often this prompt was sent to this model: 1 the first time."""
        return self.server.attempt(f"{self.exchange.model}\0{self.prompt}")

    async def open(self, *, status: int = 200, headers: dict[str, str] | None = None) -> None:
        if self.response.prepared:
            return
        self.response.set_status(status)
        self.response.headers.update(headers or {})
        await self.response.prepare(self._request)
        self._started = asyncio.get_running_loop().time()

    async def say(self, text: str) -> None:
        await self._piece({"content": text}, text)

    async def think(self, text: str, *, field: str = "reasoning_content") -> None:
        await self._piece({field: text}, text)

    async def finish(self, reason: str | None = "stop", *, usage: bool = True, done: bool = True) -> None:
        if reason is not None:
            await self.chunk({}, finish_reason=reason)
        if usage and (self.exchange.body.get("stream_options") or {}).get("include_usage"):
            await self.data({"object": "chat.completion.chunk", "choices": [], "usage": self.usage()})
        if done:
            await self.raw(b"data: [DONE]\n\n")

    def usage(self) -> dict[str, int]:
        """Words in, pieces out."""
        asked = sum(len(str(message.get("content", "")).split()) for message in self.messages)
        return {
            "prompt_tokens": asked,
            "completion_tokens": len(self.exchange.sent),
            "total_tokens": asked + len(self.exchange.sent),
        }

    async def chunk(self, delta: dict[str, Any], *, finish_reason: str | None = None) -> None:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish_reason}
        await self.data(
            {
                "id": f"chatcmpl-{self.exchange.number}",
                "object": "chat.completion.chunk",
                "created": 1_700_000_000,
                "model": self.exchange.model,
                "system_fingerprint": "fp_fake",
                "choices": [choice],
                "usage": None,
            }
        )

    async def data(self, value: object) -> None:
        await self.raw(b"data: %s\n\n" % json.dumps(value, separators=(",", ":")).encode())

    async def raw(self, data: bytes) -> None:
        await self.open()
        await self.response.write(data)

    async def reply(
        self, body: bytes, *, status: int = 200, content_type: str, headers: dict[str, str] | None = None
    ) -> None:
        """A response that is not a stream."""
        self.response = web.Response(body=body, status=status, content_type=content_type, headers=headers)

    async def refuse(self, status: int, message: str, *, headers: dict[str, str] | None = None, **more: Any) -> None:
        error = {"message": message, "type": None, "param": None, "code": None} | more
        body = json.dumps({"error": error}).encode()
        await self.reply(body, status=status, content_type="application/json", headers=headers)

    async def silence(self, *, comments_every: float = 0) -> None:
        """Sends nothing more, or only comments, until the client disconnects."""
        while comments_every:
            await self.raw(b": still here\n\n")
            await asyncio.sleep(comments_every)
        await asyncio.Event().wait()

    async def hold(self) -> None:
        """Waits for a release. Any release since the request counts, so it cannot come too early."""
        self._releases += 1
        await self.server.released(self._releases)

    async def reset(self) -> None:
        """Cuts the TCP connection, without the end of the chunk that was being sent."""
        assert self._request.transport is not None
        self._request.transport.abort()

    async def _piece(self, delta: dict[str, Any], text: str) -> None:
        await self.open()
        if self.rate:
            due = self._started + self._pieces / self.rate
            if (wait := due - asyncio.get_running_loop().time()) > 0:
                await asyncio.sleep(wait)
        self._pieces += 1
        await self.chunk(delta)
        self.exchange.sent.append((time.monotonic(), text))
        self.server.journal.changed()
