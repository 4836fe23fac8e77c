from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest

from chat.models import User
from tests.cast import session_of
from tests.chat_rig import Rig, rig
from tests.socket.rig import Socket

Connect = Callable[..., Awaitable[Socket]]


@pytest.fixture
async def chat(transactional_db: None) -> AsyncIterator[Rig]:
    async with rig() as made:
        yield made


@pytest.fixture
async def connect(chat: Rig) -> AsyncIterator[Connect]:
    """Connects a socket for a user, by default alice. The test has yet to read `hello`."""
    sockets: list[Socket] = []

    async def open_socket(user: User | None = None, **fields: Any) -> Socket:
        socket = Socket(session=await session_of(user or chat.alice), **fields)
        sockets.append(socket)
        assert await socket.connect()
        return socket

    yield open_socket
    for socket in sockets:
        await socket.disconnect()
