"""Each journey is made on a desktop and on a phone, in both themes, and leaves pictures.

They are in pytest's own temporary directory, or in CHAT_ARTEFACTS.
"""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Final

import pytest

from tests.browser.conftest import Visitors
from tests.browser.journeys.album import Album
from tests.browser.visitor import Visitor
from tests.browser.watch import ACCOUNT_PATHS

SIZES: Final[dict[str, dict[str, Any]]] = {
    "desktop": {"viewport": {"width": 1280, "height": 800}},
    "phone": {"viewport": {"width": 390, "height": 844}, "is_mobile": True, "has_touch": True},
}
THEMES: Final = ("light", "dark")

Travellers = Callable[..., Awaitable[Visitor]]


@pytest.fixture(params=THEMES)
def theme(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(params=list(SIZES))
def size(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def album(request: pytest.FixtureRequest, tmp_path: Path, size: str, theme: str) -> Album:
    journey = request.path.stem.removeprefix("test_")
    return Album(Path(os.environ.get("CHAT_ARTEFACTS") or tmp_path) / journey, f"{size}-{theme}")


@pytest.fixture
def travellers(visitors: Visitors, size: str, theme: str) -> Travellers:
    """Visitors with this device and this theme. Still, so that a picture shows no half of a movement."""

    async def arrive(**options: Any) -> Visitor:
        visitor = await visitors(color_scheme=theme, reduced_motion="reduce", **SIZES[size], **options)
        visitor.watch.allow(*ACCOUNT_PATHS)
        return visitor

    return arrive


@pytest.fixture
def is_phone(size: str) -> bool:
    return size == "phone"
