"""What a person does with a model, step by step, through the API of a site in a separate process."""

from __future__ import annotations

import asyncio
import json
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import closing
from typing import Any, Final

import aiohttp

from chat.protocol.sse import Decoder
from tests.faults.client import Browser
from tests.faults.processes import Site
from tests.upstreams.servers import LONG, SUM, TOTAL, UpstreamServer

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
        # Of the assistants, by model.
        self._slugs: dict[str, str] = {}

    @property
    def steps(self) -> dict[str, Callable[[], Awaitable[str]]]:
        return {
            "listing": self.listing,
            "turn": self.turn,
            "title": self.title,
            "second turn": self.second_turn,
            "stop": self.stop,
            **({"early stop": self.early_stop} if self._server.slow_to_read else {}),
            **({"tool": self.tool, "after the tool": self.after_the_tool} if self._server.calculated else {}),
            "context overflow": self.overflow,
            **({"errors": self.errors} if self._server.errors else {}),
            "after all that": self.again,
            **({"path": self.path} if self._server.path else {}),
            "restart": self.restart,
        }

    async def listing(self) -> str:
        """Within a while: on a slow machine, a site that is ready may still be asking its servers."""
        deadline = time.monotonic() + SECONDS
        while True:
            status, found = await self._alice.call("GET", "/api/assistants")
            assert status == 200, found
            self._slugs = {assistant["model"]: assistant["slug"] for assistant in found["items"]}
            if set(self._server.models) <= self._slugs.keys():
                break
            assert time.monotonic() < deadline, found
            await asyncio.sleep(0.2)
        assert found["problems"] == [], found
        return ", ".join(self._slugs)

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

    async def tool(self) -> str:
        """The model calls it, gets its result, and answers."""
        await asyncio.to_thread(self._allow, "builtin:calculator")
        message = await self._answer("Let it calculate")
        call, *others = [part for part in message["parts"] if part["kind"] == "tool_call"]
        assert not others, message
        assert (call["tool"], call["state"]) == ("builtin:calculator", "done"), call
        assert (call["arguments"], call["result"]) == ({"expression": SUM}, TOTAL), call
        assert (message["text"], message["finish_reason"]) == (self._server.calculated, "stop"), message
        self._conversation = message["conversation_id"]
        return f"{SUM} = {call['result']}"

    async def after_the_tool(self) -> str:
        """The next question goes with the call and its result."""
        message = await self._answer("Say the second line", conversation_id=self._conversation)
        assert message["text"] == self._server.second, message
        heard = await asyncio.to_thread(self._server.heard)
        said = [(each["role"], bool(each.get("tool_calls"))) for each in heard if each["role"] != "system"]
        calling = [("user", False), ("assistant", True), ("tool", False), ("assistant", False), ("user", False)]
        assert said == calling, heard
        return "answers, and knows the call"

    def _allow(self, tool: str) -> None:
        """Every assistant's model may call it, as if an administrator had switched it on."""
        with closing(self._site.connect()) as connection:
            connection.execute("UPDATE chat_assistant SET tools = ?", [json.dumps({tool: "allow"})])

    async def errors(self) -> str:
        """A refusal, a failure, an answer that breaks off: none of them is an answer."""
        said = []
        for question, code in self._server.errors.items():
            asked = {"text": question, **self._assistant("")}
            status, body = await self._alice.call("POST", "/api/runs/wait", asked)
            assert status >= 400, body
            assert body["error"]["code"] == code, body
            said.append(f"{status} {code}")
        return ", ".join(said)

    async def path(self) -> str:
        asked = await asyncio.to_thread(self._server.asked)
        assert asked == {self._server.path}, asked
        return self._server.path

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
        named = model or self._server.models[0]
        return {"assistant": self._slugs.get(named, named)}


async def events(stream: aiohttp.ClientResponse) -> AsyncIterator[tuple[str, dict[str, Any]]]:
    decoder = Decoder()
    async for chunk in stream.content.iter_any():
        for event in decoder.feed(chunk):
            yield event.event, json.loads(event.data)
