"""The cast as fixtures (see tests/cast.py), and the Redis servers."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import pytest
from asgiref.sync import SyncToAsync
from django.core.cache import cache
from django.db import connections
from django.test import Client

from chat import database
from chat.models import Conversation, User
from tests.cast import make_admin, make_conversation, make_user, sign_in
from tests.streams.redis_server import RedisServer, redis_server

# Tests that mostly wait: for a server to start, a lease to expire, a slow client to be dropped.
PATIENT: Final = tuple(Path(__file__).parent / name for name in ("faults", "server", "postgresql", "bench"))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run the waiting tests first: others run beside them, and nobody waits for them at the end."""
    items.sort(key=lambda item: not any(folder in item.path.parents for folder in PATIENT))


@pytest.fixture(autouse=True)
def _no_rate_limits_from_other_tests() -> Iterator[None]:
    yield
    cache.clear()


@pytest.fixture(autouse=True)
def _no_connections_from_other_tests() -> Iterator[None]:
    """An open connection keeps PostgreSQL from dropping the test's database."""
    yield
    # Django's test client runs a view in its own event loop, and nobody closes the engine created there.
    if database._keepers:
        database._keepers.clear()
        asyncio.run(database._close_connections())
    # Outside a request, an async test's `aget()` runs in asgiref's single shared thread.
    SyncToAsync.single_thread_executor.submit(connections.close_all).result()


@pytest.fixture
def alice(db: None) -> User:
    return make_user("alice")


@pytest.fixture
def bob(db: None) -> User:
    return make_user("bob")


@pytest.fixture
def charlie(db: None) -> User:
    return make_user("charlie")


@pytest.fixture
def admin(db: None) -> User:
    return make_admin()


@pytest.fixture
def signed_in() -> Callable[[User], Client]:
    """A client with a session of the user. Like any Django test client, it needs no CSRF token."""

    return lambda user: sign_in(user, Client())


@pytest.fixture
def conversation(alice: User) -> Conversation:
    """Alice's: one question and its answer."""
    return make_conversation(alice, "What is a heron?", "A long-legged bird.")


@pytest.fixture(scope="session")
def shared_redis() -> Iterator[RedisServer]:
    """For tests that neither stop nor flush it."""
    with redis_server() as server:
        yield server


@pytest.fixture
def own_redis() -> Iterator[RedisServer]:
    with redis_server() as server:
        yield server


@pytest.fixture
def lasting_redis() -> Iterator[RedisServer]:
    """Keeps its data across a restart."""
    with redis_server(keeps_data=True) as server:
        yield server
