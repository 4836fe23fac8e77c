"""What the page says about an unusable model server before its scripts have run."""

from __future__ import annotations

import re
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.test import AsyncClient

from chat import database
from chat.generation.model_watch import ModelWatch, Outlook, Problem
from chat.models import Assistant
from chat.providers.base import ProviderError, ProviderUnavailable
from tests.cast import sign_in
from tests.chat_rig import rig

pytestmark = pytest.mark.django_db(transaction=True)
SHOWN = re.compile(r'<p class="notice" data-problem="(\w+)">')
AWAY = Problem("scripted", ProviderUnavailable("It does not answer."), is_silent=True)
USELESS = Problem("scripted", ProviderError("It lists nothing."), is_silent=False)
OTHER = Problem("other", ProviderUnavailable("It does not answer."), is_silent=True)


@pytest.mark.parametrize(
    ("problems", "has_assistant", "shown"),
    [
        ((), True, []),
        ((AWAY,), True, ["silent"]),
        ((AWAY,), False, ["silent"]),
        ((USELESS,), True, []),
        ((USELESS,), False, ["refused"]),
        ((OTHER,), True, []),
        ((OTHER,), False, ["silent"]),
        ((), False, []),
    ],
)
async def test_the_page_shows_problems_of_the_model_server(
    async_client: AsyncClient, problems: tuple[Problem, ...], has_assistant: bool, shown: list[str]
) -> None:
    async def look(_: bool) -> Outlook:
        return Outlook(problems, is_settled=not problems)

    async with rig() as chat:
        chat.engine.models = ModelWatch(look)
        await chat.engine.models.begin()
        await database.write(Assistant.objects.all().update, is_available=has_assistant)
        await sync_to_async(sign_in)(chat.alice, async_client)
        page = (await async_client.get("/")).content.decode()

    assert SHOWN.findall(page) == shown
    assert ('"model_problems": []' in page) == (not problems)


async def test_a_process_that_has_just_started_serves_the_page(async_client: AsyncClient, alice: Any) -> None:
    await sync_to_async(sign_in)(alice, async_client)
    response = await async_client.get("/")

    assert response.status_code == 200
    assert SHOWN.findall(response.content.decode()) == []
