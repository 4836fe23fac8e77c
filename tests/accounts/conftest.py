from __future__ import annotations

import pytest
from pytest_django import Settings

from tests.accounts.hashing import CountingHasher


@pytest.fixture
def hashed(settings: Settings) -> list[int]:
    """The lengths of the passwords that were hashed since the last `clear()`."""
    settings.PASSWORD_HASHERS = ["tests.accounts.hashing.CountingHasher"]
    CountingHasher.lengths.clear()
    return CountingHasher.lengths
