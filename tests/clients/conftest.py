"""A site for programs that others wrote, with the demo model and nobody's traffic but theirs."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.faults.processes import Member, Site, prepare

SETTINGS = {"OPENAI_API_KEY": "", "OPENAI_MODEL": "", "CHAT_DEMO_TOKENS_PER_SECOND": "0"}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    data_dir = tmp_path_factory.mktemp("site")
    made = Site(data_dir, prepare(data_dir, **SETTINGS), **SETTINGS)
    try:
        made.start()
        yield made
    finally:
        made.stop()


@pytest.fixture
def alice(site: Site) -> Member:
    return site.cast["alice"]
