"""What a person does with a model, step by step, through the API of a site in a separate process."""

from __future__ import annotations

import asyncio
import json
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, Final

import aiohttp

from chat.protocol.sse import Decoder
from tests.faults.client import Browser
from tests.faults.processes import Site
from tests.upstreams.servers import LONG, UpstreamServer

SECONDS: Final = 60.0
STOPPED_BY: Final = 10.0


class Journey:
    """Each step raises AssertionError with the unexpected result."""

    def __init__(self, site: Site, server: UpstreamServer, http: aiohttp.ClientSession) -> None:
        self._site = site
        self._server = server
        self._http = http
        self._alice = Browser(site, site.cast["alice"], http)
        self._conversation = ""

    @property
    def steps(self) -> dict[str, Callable[[], Awaitable[str]]]:
        return {
            "listing": self.listing,
            "turn": self.turn,
            "title": self.title,
            "second turn": self.second_turn,
            "stop": self.stop,
            **({"early stop": self.early_stop} if self._server.slow_to_read else {}),
            "context overflow": self.overflow,
            "after all that": self.again,
            "restart": self.restart,
        }

    async def listing(self) -> str:
        status, found = await self._alice.call("GET", "/api/assistants")
        models = [assistant["model"] for assistant in found["items"]]
        assert status == 200, found
        assert found["problems"] == [], found
        assert set(self._server.models) <= set(models), models
        return ", ".join(models)

    async def turn(self) -> str:
        message = await self._answer("Say the first line")
        assert message["text"] == self._server.first, message
        assert (message["status"], message["finish_reason"]) == ("completed", "stop"), message
        thoughts = [part["text"].strip() for part in message["parts"] if part["kind"] == "reasoning"]
        assert thoughts == [self._server.thought] * bool(self._server.thought), message
        self._conversation = message["conversation_id"]
        return f"{message['output_tokens']} tokens, {message['duration_ms']} ms"

    async def title(self) -> str:
        title = await self._titled(self._conversation)
        assert self._server.title.rstrip(".").startswith(title.rstrip("…")), title
        return title

    async def _titled(self, conversation_id: str) -> str:
        deadline = time.monotonic() + SECONDS
        while True:
            status, conversation = await self._alice.call("GET", f"/api/conversations/{conversation_id}")
            assert status == 200, conversation
            if conversation["title"] != "Say the first line":
                return str(conversation["title"])
            assert time.monotonic() < deadline, "there is no title"
            await asyncio.sleep(0.2)

    async def second_turn(self) -> str:
        message = await self._answer("Say the second line", conversation_id=self._conversation)
        assert message["text"] == self._server.second, message
        messages = await self._messages()
        assert [each["role"] for each in messages] == ["user", "assistant"] * 2, messages
        return f"{len(messages)} messages"

    async def stop(self) -> str:
        text, done, took = await self._stopped("Count slowly", self._server.slow, at="token")
        assert 0 < len(text) == done["characters"] < len(LONG), (len(text), done)
        return f"{len(text)} characters, {took:.1f} s after asking"

    async def early_stop(self) -> str:
        """Stop while it processes the question: it has sent nothing yet, not even headers."""
        text, done, took = await self._stopped(self._server.slow_to_read, self._server.models[0], at="start")
        assert (text, done["characters"]) == ("", 0), (text, done)
        return f"{took:.1f} s after asking"

    async def _stopped(self, question: str, model: str, *, at: str) -> tuple[str, dict[str, Any], float]:
        """Stop at the first event `at`, while the server is busy. Return the text, `done` and the seconds it took."""
        asked = {"text": question, **self._assistant(model)}
        url, text, began, done = f"{self._site.url}/api/runs/stream", "", 0.0, {}
        async with self._http.post(url, json=asked, headers=self._alice.headers) as stream:
            async for name, data in events(stream):
                if name == "start":
                    run_id = data["run_id"]
                elif name == "token":
                    text += data["text"]
                elif name == "reset":
                    text = ""
                elif name in {"done", "error"}:
                    done = data
                if name == at and not began:
                    began = await self._asked_to_stop(run_id)
        took = time.monotonic() - began
        assert done.get("status") == "stopped", done
        assert took < STOPPED_BY, took
        await self._server_is(idle=True)
        return text, done, took

    async def _asked_to_stop(self, run_id: str) -> float:
        """Stop the run; return the time."""
        await self._server_is(idle=False)
        status = await self._alice.stop(run_id)
        assert status < 300, status
        return time.monotonic()

    async def _server_is(self, *, idle: bool) -> None:
        deadline = time.monotonic() + STOPPED_BY
        while await asyncio.to_thread(self._server.is_idle) not in (idle, None):
            assert time.monotonic() < deadline, "the server is still busy" if idle else "the server is still idle"
            await asyncio.sleep(0.05)

    async def overflow(self) -> str:
        asked = {"text": self._server.flood, **self._assistant(self._server.overflowing)}
        status, body = await self._alice.call("POST", "/api/runs/wait", asked)
        assert status >= 400, body
        error = body["error"]
        assert error["message"].startswith("The conversation is too long for this model."), error
        assert not error["retryable"], error
        return f"{status} {error['code']}"

    async def again(self) -> str:
        message = await self._answer("Say the first line")
        assert message["text"] == self._server.first, message
        await self._titled(message["conversation_id"])
        return "answers"

    async def restart(self) -> str:
        """Every error during the restart is retryable, and then it answers."""
        await asyncio.to_thread(self._server.stop)
        refusals = [await self._refusal()]
        starting = asyncio.create_task(asyncio.to_thread(self._server.start))
        while refused := await self._refusal():
            refusals.append(refused)
        await starting
        return "; ".join(f"{count} × {sentence}" for sentence, count in Counter(refusals).items())

    async def _refusal(self) -> str:
        """The message of a retryable error; empty if there is an answer."""
        asked = {"text": "Say the first line", **self._assistant(self._server.models[0])}
        status, body = await self._alice.call("POST", "/api/runs/wait", asked)
        error = body.get("error")
        if not error:
            assert (status, body["text"]) == (200, self._server.first), body
            return ""
        assert (error["code"], error["retryable"]) == ("provider_unavailable", True), error
        return str(error["message"])

    async def _answer(self, text: str, **fields: Any) -> dict[str, Any]:
        asked = {"text": text, **self._assistant(self._server.models[0]), **fields}
        status, body = await self._alice.call("POST", "/api/runs/wait", asked)
        assert status == 200, body
        message: dict[str, Any] = body
        return message

    async def _messages(self) -> list[dict[str, Any]]:
        path = f"/api/conversations/{self._conversation}/messages?branch=active"
        status, page = await self._alice.call("GET", path)
        assert status == 200, page
        return list(reversed(page["items"]))

    def _assistant(self, model: str) -> dict[str, str]:
        """The assistant of this model, or of the server's first model if it has no other."""
        return {"assistant": model or self._server.models[0]}


async def events(stream: aiohttp.ClientResponse) -> AsyncIterator[tuple[str, dict[str, Any]]]:
    decoder = Decoder()
    async for chunk in stream.content.iter_any():
        for event in decoder.feed(chunk):
            yield event.event, json.loads(event.data)
