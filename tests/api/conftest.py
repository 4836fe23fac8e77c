from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from chat import database
from tests.api.rig import Browser
from tests.cast import issue_token
from tests.chat_rig import Rig, rig


@pytest.fixture
async def chat(transactional_db: None) -> AsyncIterator[Rig]:
    async with rig() as made:
        yield made


@pytest.fixture
async def owner(chat: Rig) -> Browser:
    return Browser(token=await database.write(issue_token, chat.alice))


@pytest.fixture
async def stranger(chat: Rig) -> Browser:
    """Charlie, who must see nothing."""
    return Browser(token=await database.write(issue_token, chat.charlie))


@pytest.fixture
def anonymous() -> Browser:
    return Browser()
