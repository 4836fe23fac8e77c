"""A model that costs little to ask: speaks as much of the OpenAI API as streaming needs, at the rate it is told.

    python -m bench.upstream    prints its base URL and serves until it is ended

The prompt programs the answer: `count=1000 rate=50` are tokens and tokens per second. Each token is a chunk and a
write of its own, as from a real model, and carries the time of that write (`bench.stamps`). The pace is uneven by a
quarter of a step, so that no server can fall into step with it. After POST /hold an answer stops behind its first
token, until POST /go: a server that is too slow for a crowd can still be joined by one.

`tests.fake_openai` plays many more parts, but takes longer over each token than the servers that are measured here.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
import json
import random
import re
import signal
import sys
from typing import Any, Final

from bench import stamps

MODEL: Final = "bench"
_OPTION: Final = re.compile(r"(\w+)=(\d+)")
_HEADERS: Final = (
    b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\nCache-Control: no-cache\r\n"
    b"Transfer-Encoding: chunked\r\n\r\n"
)
# Nobody has room for more at the moment: look again after this many seconds.
_FULL_SECONDS: Final = 0.02


def event(delta: dict[str, str], *, finish_reason: str | None = None) -> bytes:
    """A chunk of the answer, as OpenAI's servers send it."""
    choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish_reason}
    return framed(
        {
            "id": "chatcmpl-B0aC4nzZ6bUM2ch8sPz5tzB2hP0aH",
            "object": "chat.completion.chunk",
            "created": 1_700_000_000,
            "model": MODEL,
            "service_tier": "default",
            "system_fingerprint": "fp_50cad350e4",
            "choices": [choice],
            "usage": None,
        }
    )


def framed(value: object) -> bytes:
    data = json.dumps(value, separators=(",", ":")) if value is not None else "[DONE]"
    return b"data: %s\n\n" % data.encode()


def chunked(data: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(data), data)


_ROLE: Final = chunked(event({"role": "assistant", "content": ""}))
_BEFORE, _AFTER = chunked(event({"content": "#" * stamps.TOKEN_BYTES})).split(b"#" * stamps.TOKEN_BYTES)
_END: Final = chunked(event({}, finish_reason="stop"))
_DONE: Final = chunked(framed(None)) + b"0\r\n\r\n"


class Answer:
    """One answer on its way. `due`: when the next token should leave, before the unevenness."""

    def __init__(self, transport: asyncio.WriteTransport, body: dict[str, Any], now: float) -> None:
        prompt = next(message["content"] for message in reversed(body["messages"]) if message["role"] == "user")
        options = {name: int(value) for name, value in _OPTION.findall(prompt)}
        self.transport = transport
        self.left = options.get("count", 10)
        self.step = 1 / options.get("rate", 50)
        self.tools = len(body.get("tools") or ())
        self.with_usage = bool((body.get("stream_options") or {}).get("include_usage"))
        self.sent = 0
        self.due = now
        self.is_full = False
        self.is_gone = False

    def say(self) -> None:
        self.left -= 1
        self.sent += 1
        self.transport.write(_BEFORE + stamps.token(stamps.now()) + _AFTER)

    def end(self) -> None:
        usage = {"prompt_tokens": 10, "completion_tokens": self.sent, "total_tokens": 10 + self.sent}
        last = chunked(framed({"object": "chat.completion.chunk", "choices": [], "usage": usage}))
        self.transport.write(_END + (last if self.with_usage else b"") + _DONE)


class Model:
    """Every answer's tokens leave when they are due: one timer for all of them."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._heap: list[tuple[float, int, Answer]] = []
        self._numbers = itertools.count()
        self._timer: asyncio.TimerHandle | None = None
        self._random = random.Random(1)
        self._held: list[Answer] | None = None
        # How late tokens left, in ms: what this process could not do in time. Index is ms, value is a count.
        self.late = [0] * 1000
        # Of the last request.
        self.offered = 0

    def begin(self, answer: Answer) -> None:
        self.offered = answer.tools
        answer.transport.write(_HEADERS + _ROLE)
        self._next(answer)

    def hold(self) -> None:
        self._held = []

    def go(self) -> None:
        held, self._held = self._held or [], None
        for answer in held:
            answer.due = self._loop.time() + self._random.random() * answer.step
            self._push(answer, answer.due)

    def _next(self, answer: Answer) -> None:
        if answer.left <= 0:
            answer.end()
            return
        answer.say()
        answer.due += answer.step
        self._push(answer, answer.due + (self._random.random() - 0.5) * answer.step / 2)

    def _push(self, answer: Answer, when: float) -> None:
        heapq.heappush(self._heap, (when, next(self._numbers), answer))
        if self._timer is None or when < self._timer.when():
            if self._timer is not None:
                self._timer.cancel()
            self._timer = self._loop.call_at(self._heap[0][0], self._tick)

    def _tick(self) -> None:
        self._timer = None
        now = self._loop.time()
        # Taken off first: what comes due in the meantime has the next turn, so that requests are heard in between.
        ready = []
        while self._heap and self._heap[0][0] <= now:
            ready.append(heapq.heappop(self._heap))
        for when, _, answer in ready:
            if answer.is_gone:
                continue
            if self._held is not None:
                self._held.append(answer)
                continue
            if answer.is_full:
                answer.due = now + _FULL_SECONDS
                self._push(answer, answer.due)
                continue
            self.late[min(int((now - when) * 1000), len(self.late) - 1)] += 1
            self._next(answer)
        if self._timer is None and self._heap:
            self._timer = self._loop.call_at(self._heap[0][0], self._tick)


class Connection(asyncio.Protocol):
    def __init__(self, model: Model, loop: asyncio.AbstractEventLoop) -> None:
        self._model = model
        self._loop = loop
        self._received = b""
        self._answer: Answer | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport: Any = transport

    def connection_lost(self, exc: Exception | None) -> None:
        if self._answer is not None:
            self._answer.is_gone = True

    def pause_writing(self) -> None:
        if self._answer is not None:
            self._answer.is_full = True

    def resume_writing(self) -> None:
        if self._answer is not None:
            self._answer.is_full = False

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, blank, rest = self._received.partition(b"\r\n\r\n")
        if not blank:
            return
        length = re.search(rb"(?i)\r\ncontent-length: *(\d+)", head)
        size = int(length[1]) if length else 0
        if len(rest) < size:
            return
        self._received = rest[size:]
        self._handle(head.split(b" ", 2)[1], rest[:size])

    def _handle(self, path: bytes, body: bytes) -> None:
        if path == b"/v1/chat/completions":
            self._answer = Answer(self._transport, json.loads(body), self._loop.time())
            self._model.begin(self._answer)
        elif path == b"/v1/models":
            self._reply({"object": "list", "data": [{"id": MODEL, "object": "model", "owned_by": "bench"}]})
        elif path == b"/hold":
            self._model.hold()
            self._reply(None)
        elif path == b"/go":
            self._model.go()
            self._reply(None)
        elif path == b"/offered":
            self._reply(self._model.offered)
        elif path == b"/late":
            self._reply(self._model.late)
            self._model.late = [0] * len(self._model.late)
        else:
            self._reply({"error": {"message": "Not found"}}, b"404 Not Found")

    def _reply(self, value: object, status: bytes = b"200 OK") -> None:
        data = json.dumps(value).encode()
        head = b"HTTP/1.1 %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % (status, len(data))
        self._transport.write(head + data)


async def serve() -> None:
    loop = asyncio.get_running_loop()
    ended = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, ended.set)
    model = Model(loop)
    server = await loop.create_server(lambda: Connection(model, loop), "127.0.0.1", 0, backlog=1024)
    port = server.sockets[0].getsockname()[1]
    sys.stdout.write(f"http://127.0.0.1:{port}/v1\n")
    sys.stdout.flush()
    await ended.wait()


if __name__ == "__main__":
    asyncio.run(serve())
