"""This process's limits, shared by all its transports."""

from __future__ import annotations

import asyncio
from typing import Final
from weakref import WeakKeyDictionary

from django.conf import settings

from chat.quotas.connections import Connections, MemoryConnections
from chat.quotas.credentials import Credentials
from chat.quotas.frames import Floods, Frames
from chat.quotas.handshakes import Handshakes
from chat.quotas.redis_connections import RedisConnections
from chat.quotas.repeated_errors import RepeatedErrors
from chat.quotas.requests import Requests, Tally
from chat.quotas.sends import Sends

# Concurrent requests per user. Before its view, a request already costs a thread, a connection and authentication.
ARRIVING: Final = 2


class Quotas:
    """Belongs to one event loop.

    `arrivals`: HTTP requests before their view; `requests`: requests in views and on sockets; `followed`: runs
    followed over sockets.
    """

    def __init__(self, connections: Connections) -> None:
        self.connections = connections
        self.frames = Frames()
        self.floods = Floods()
        self.credentials = Credentials()
        self.handshakes = Handshakes(self.credentials, self.floods)
        self.arrivals = Requests(ARRIVING, rest=1.0)
        self.requests = Requests()
        self.repeated_errors = RepeatedErrors()
        self.sends = Sends()
        self.followed = Tally()


_quotas: WeakKeyDictionary[asyncio.AbstractEventLoop, Quotas] = WeakKeyDictionary()


def quotas() -> Quotas:
    """This event loop's limits, built from the settings on first use."""
    loop = asyncio.get_running_loop()
    found = _quotas.get(loop)
    if found is None:
        shared = RedisConnections(settings.REDIS_URL) if settings.REDIS_URL else None
        found = _quotas[loop] = Quotas(shared or MemoryConnections())
    return found


def install(given: Quotas) -> None:
    """Use these in the running event loop instead of those built from the settings."""
    _quotas[asyncio.get_running_loop()] = given
