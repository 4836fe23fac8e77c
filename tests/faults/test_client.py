"""Tests of the WebSocket client: a reading that waits in vain says how its socket ended."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any, Final, cast

import aiohttp
import pytest
from websockets.asyncio.client import connect
from websockets.asyncio.server import ServerConnection, serve

from tests.faults import followers
from tests.faults.client import Socket
from tests.faults.followers import Follower
from tests.faults.processes import Site
from tests.faults.reading import Reading, Violation
from tests.members import Member

RUN: Final = "7d0f2d3c-6f62-4d6b-9a0a-0f4a3c3f9d11"
HELLO: Final = {"type": "hello", "runs": []}
START: Final = {"id": "aaaaaaaa.1", "event": "start", "data": {"run_id": RUN}}
EVENTS: Final = {"type": "events", "frame": 1, "run_id": RUN, "events": [START]}
BYE: Final = {"type": "bye", "code": 4412, "retry_ms": 7}


@asynccontextmanager
async def ended(*frames: dict[str, Any], code: int) -> AsyncIterator[Socket]:
    """A socket after a server has sent these frames and closed it."""

    async def talk(connection: ServerConnection) -> None:
        for frame in frames:
            await connection.send(json.dumps(frame))
        await connection.close(code)

    async with serve(talk, "127.0.0.1", 0) as server:
        [listening] = server.sockets
        async with connect(f"ws://127.0.0.1:{listening.getsockname()[1]}", proxy=None) as connection:
            socket = Socket(connection, {}, acks=False)
            await socket.closed()
            yield socket


async def test_it_reports_a_close_without_a_bye() -> None:
    async with ended(HELLO, EVENTS, code=1011) as socket:
        with pytest.raises(TimeoutError, match=r"stays at aaaaaaaa\.1: .*ended with 1011 without a bye"):
            await socket.reading(RUN).ended(seconds=0)


async def test_it_reports_a_bye() -> None:
    async with ended(HELLO, EVENTS, BYE, code=4412) as socket:
        with pytest.raises(TimeoutError, match=r"ended with 4412 after .*'retry_ms': 7"):
            await socket.reading(RUN).ended(seconds=0)


async def test_it_reports_a_protocol_violation() -> None:
    async with ended(HELLO, EVENTS, EVENTS, code=1000) as socket:
        with pytest.raises(TimeoutError, match=r"because of Violation\('frame 1 is the 2th'\)"):
            await socket.reading(RUN).ended(seconds=0)
        with pytest.raises(Violation):
            socket.check()


async def test_a_run_awaited_after_the_close_reports_it_too() -> None:
    async with ended(HELLO, BYE, code=4412) as socket:
        with pytest.raises(TimeoutError, match="ended with 4412"):
            await socket.reading(RUN).ended(seconds=0)


async def test_a_reading_continued_elsewhere_has_lost_nothing() -> None:
    async with ended(HELLO, EVENTS, code=1011) as socket:
        reading = socket.reading(RUN)
        reading.apply("aaaaaaaa.2", "token", {"text": "Hel"})
        with pytest.raises(TimeoutError) as raised:
            await reading.ended(seconds=0)
        assert "socket" not in str(raised.value)


@pytest.mark.parametrize(
    ("frames", "code", "troubles"),
    [([HELLO, BYE], 4412, 0), ([HELLO], 4412, 1), ([HELLO], 1011, 1)],
    ids=["bye", "no bye", "broken"],
)
async def test_a_missing_reply_is_a_failure_unless_there_was_a_bye(
    frames: list[dict[str, Any]], code: int, troubles: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with ended(*frames, code=code) as socket, aiohttp.ClientSession() as http:
        reading = Reading(RUN)
        follower = Follower(cast("Site", SimpleNamespace(url="")), Member("alice", 1, "token", "session"), http)

        async def open_socket(*_: object, **__: object) -> Socket:
            reading.outcome = "done"
            return socket

        async def asked(_: Reading) -> dict[str, Any]:
            raise ConnectionError(f"closed with {code}")

        monkeypatch.setattr(followers, "open_socket", open_socket)
        monkeypatch.setattr(socket, "subscribe", asked)
        await follower.over_socket(reading)

        assert len(follower.troubles) == troubles


def test_a_reading_without_a_socket_reports_no_loss() -> None:
    assert Reading(RUN).lost == ""
