"""Each journey runs on a light desktop and on a dark phone, and takes screenshots.

They go to pytest's temporary directory, or to CHAT_ARTEFACTS: then all four combinations run, for review.
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
PAIRS: Final = [("desktop", "light"), ("phone", "dark")]
ALL_PAIRS: Final = [*PAIRS, ("desktop", "dark"), ("phone", "light")]
ARTEFACTS: Final = os.environ.get("CHAT_ARTEFACTS")

DeviceVisitors = Callable[..., Awaitable[Visitor]]


@pytest.fixture(params=ALL_PAIRS if ARTEFACTS else PAIRS, ids="-".join)
def size_and_theme(request: pytest.FixtureRequest) -> tuple[str, str]:
    size, theme = request.param
    return size, theme


@pytest.fixture
def size(size_and_theme: tuple[str, str]) -> str:
    return size_and_theme[0]


@pytest.fixture
def theme(size_and_theme: tuple[str, str]) -> str:
    return size_and_theme[1]


@pytest.fixture
def album(request: pytest.FixtureRequest, tmp_path: Path, size: str, theme: str) -> Album:
    journey = request.path.stem.removeprefix("test_")
    return Album(Path(ARTEFACTS or tmp_path) / journey, f"{size}-{theme}")


@pytest.fixture
def travellers(visitors: Visitors, size: str, theme: str) -> DeviceVisitors:
    """Visitors with this device and theme, and without animations, which screenshots could catch halfway."""

    async def arrive(**options: Any) -> Visitor:
        visitor = await visitors(color_scheme=theme, reduced_motion="reduce", **SIZES[size], **options)
        visitor.watch.allow(*ACCOUNT_PATHS)
        return visitor

    return arrive


@pytest.fixture
def is_phone(size: str) -> bool:
    return size == "phone"
