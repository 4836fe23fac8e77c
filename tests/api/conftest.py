from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from chat import database
from chat.models import ApiToken
from tests.api.rig import Browser
from tests.chat_rig import Rig, rig


@pytest.fixture
async def chat(transactional_db: None) -> AsyncIterator[Rig]:
    async with rig() as made:
        yield made


@pytest.fixture
async def owner(chat: Rig) -> Browser:
    _, secret = await database.write(ApiToken.objects.issue, chat.alice)
    return Browser(token=secret)


@pytest.fixture
async def stranger(chat: Rig) -> Browser:
    """Charlie, who must see nothing."""
    _, secret = await database.write(ApiToken.objects.issue, chat.charlie)
    return Browser(token=secret)


@pytest.fixture
def anonymous() -> Browser:
    return Browser()
