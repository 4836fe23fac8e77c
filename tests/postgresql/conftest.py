"""One PostgreSQL server per worker. Every test has its own database or its own server."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from tests.postgres import PostgreSQL, postgresql

HERE: Final = Path(__file__).parent
_numbers = itertools.count(1)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.is_relative_to(HERE):
            item.add_marker("postgresql")


@pytest.fixture(scope="session")
def shared_postgres() -> Iterator[PostgreSQL]:
    with postgresql() as server:
        yield server


@pytest.fixture
def own_postgres() -> Iterator[PostgreSQL]:
    """A server for tests that stop it."""
    with postgresql() as server:
        yield server


@pytest.fixture
def database_url(shared_postgres: PostgreSQL) -> str:
    """An empty database."""
    return shared_postgres.create(f"empty{next(_numbers)}")
