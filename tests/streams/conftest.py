from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.streams.redis_server import RedisServer, redis_server


@pytest.fixture(scope="session")
def shared_redis() -> Iterator[RedisServer]:
    """For tests that neither stop nor empty it."""
    with redis_server() as server:
        yield server


@pytest.fixture
def own_redis() -> Iterator[RedisServer]:
    with redis_server() as server:
        yield server


@pytest.fixture
def lasting_redis() -> Iterator[RedisServer]:
    """One that is not empty after a restart."""
    with redis_server(keeps_data=True) as server:
        yield server
