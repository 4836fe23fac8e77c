"""The site starts before its model server, or after it: no restart is needed."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any, Final

import aiohttp
import pytest

from tests.faults.client import Browser
from tests.faults.processes import Upstream
from tests.members import Member
from tests.ports import closed_port
from tests.server.conftest import StartSite
from tests.server.ending import EndingSite

# From the start of the model server to the first answer.
ANSWER_SECONDS: Final = 15.0
ASK_EVERY_SECONDS: Final = 0.5


class ModelServer:
    """Starts and stops, always at the same address."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self.port = closed_port()
        self.base_url = f"http://127.0.0.1:{self.port}/v1"
        self._folder = folder
        self._stack = stack
        self._running: Upstream | None = None

    def come(self, *models: str) -> float:
        """Start it; return the time at which it was ready."""
        options = ("--port", str(self.port), "--models", ",".join(models))
        self._running = Upstream(self._folder / "model-server.log", *options)
        self._stack.callback(self._running.stop)
        return time.monotonic()

    def go(self) -> None:
        assert self._running is not None
        self._running.stop()


@pytest.fixture
def model_server(tmp_path: Path) -> Iterator[ModelServer]:
    with ExitStack() as stack:
        yield ModelServer(tmp_path, stack)


class Person:
    """A user of the API."""

    def __init__(self, site: EndingSite, member: Member, http: aiohttp.ClientSession) -> None:
        self._browser = Browser(site, member, http)

    async def ask(self, text: str = "Hello", **fields: Any) -> tuple[int, dict[str, Any]]:
        """Return the status and the body: a complete turn or an error."""
        return await self._browser.call("POST", "/api/runs/wait", {"text": text, **fields})

    async def assistants(self) -> dict[str, Any]:
        status, body = await self._browser.call("GET", "/api/assistants")
        assert status == 200
        return body

    async def models(self) -> list[str]:
        return [assistant["model"] for assistant in (await self.assistants())["items"]]

    async def has(self, *models: str) -> None:
        """Wait until these models can be chosen, the default first."""
        since = time.monotonic()
        while (found := await self.models()) != list(models):
            assert time.monotonic() - since < ANSWER_SECONDS, found
            await asyncio.sleep(ASK_EVERY_SECONDS)

    async def answered(self, *, since: float, **fields: Any) -> dict[str, Any]:
        """Ask until there is an answer, which must come in time."""
        while True:
            status, body = await self.ask(**fields)
            seconds = time.monotonic() - since
            assert seconds < ANSWER_SECONDS, body
            assert status < 500 or body["error"]["retryable"], body
            if status == 200 and body.get("status") == "completed":
                return body
            await asyncio.sleep(ASK_EVERY_SECONDS)


@pytest.fixture
def start(start_site: StartSite, model_server: ModelServer) -> Callable[[], EndingSite]:
    return lambda: start_site(OPENAI_BASE_URL=model_server.base_url, OPENAI_API_KEY="", OPENAI_MODEL="")


async def test_starting_the_site_before_the_model_server(
    start: Callable[[], EndingSite], model_server: ModelServer, http: aiohttp.ClientSession
) -> None:
    site = start()
    alice = Person(site, site.cast["alice"], http)

    assert await alice.models() == []
    status, body = await alice.ask()
    assert (status, body["error"]["message"]) == (503, "The model server does not answer.")

    answer = await alice.answered(since=model_server.come("small", "tiny"))
    assert answer["model"] == "small"
    await alice.has("small", "tiny")
    choose_default(site, "tiny")

    model_server.go()
    status, body = await alice.ask()
    assert body["error"]["code"] == "provider_unavailable"
    listed = await alice.assistants()
    assert [assistant["model"] for assistant in listed["items"]] == ["tiny", "small"]
    assert [(problem["provider"], problem["silent"]) for problem in listed["problems"]] == [("openai", True)]

    # The server is back, but for a while without the model that the administrator chose.
    await alice.answered(since=model_server.come("small"))
    await alice.has("small")
    assert default_of(site) == "tiny"
    model_server.go()
    await alice.ask()
    await alice.answered(since=model_server.come("small", "tiny"))
    await alice.has("tiny", "small")
    assert default_of(site) == "tiny"
    status, body = await alice.ask()
    assert body["model"] == "tiny"
    assert (await alice.assistants())["problems"] == []
    assert site.log.count("OPENAI_BASE_URL does not list its models") == 3
    assert "Traceback" not in site.log


async def test_starting_the_model_server_before_the_site(
    start: Callable[[], EndingSite], model_server: ModelServer, http: aiohttp.ClientSession
) -> None:
    model_server.come("small", "tiny")
    before = start()
    await Person(before, before.cast["alice"], http).has("small", "tiny")
    choose_default(before, "tiny")
    before.stop()
    model_server.go()

    site = start()
    alice = Person(site, site.cast["alice"], http)
    assert await alice.models() == ["tiny", "small"]
    answer = await alice.answered(since=model_server.come("small", "tiny"))
    assert answer["model"] == "tiny"
    assert default_of(site) == "tiny"


async def test_the_page_shows_that_the_model_server_is_away(
    start: Callable[[], EndingSite], model_server: ModelServer, http: aiohttp.ClientSession
) -> None:
    site = start()
    headers = site.cast["alice"].cookie

    async def page() -> str:
        async with http.get(f"{site.url}/", headers=headers) as response:
            assert response.status == 200
            return await response.text()

    assert 'data-problem="silent">' in await page()
    since = model_server.come("tiny")
    while 'data-problem="silent">' in await page():
        assert time.monotonic() - since < ANSWER_SECONDS
        await asyncio.sleep(ASK_EVERY_SECONDS)
    assert '"model": "tiny"' in await page()


def choose_default(site: EndingSite, model: str) -> None:
    """As an administrator would."""
    with closing(site.connect()) as connection:
        connection.execute("UPDATE chat_assistant SET is_default = 0, is_found_default = 0")
        connection.execute("UPDATE chat_assistant SET is_default = 1 WHERE model = ?", [model])


def default_of(site: EndingSite) -> str:
    ((model,),) = site.rows("SELECT model FROM chat_assistant WHERE is_default")
    return str(model)
