"""Django's middleware runs on the event loop, and asks in a thread only what has to be asked."""

from __future__ import annotations

from typing import Any

import pytest
from asgiref.sync import SyncToAsync
from django.conf import settings
from django.utils.module_loading import import_string

from chat.middleware.on_loop import ON_LOOP
from tests.api.rig import Browser
from tests.chat_rig import Rig
from tests.socket.conftest import session_of


@pytest.fixture
def hops(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What was given to threads, in order."""
    given: list[str] = []
    original = SyncToAsync.__call__

    async def counted(self: SyncToAsync[..., Any], *args: Any, **kwargs: Any) -> Any:
        given.append(repr(self.func))
        return await original(self, *args, **kwargs)

    monkeypatch.setattr(SyncToAsync, "__call__", counted)
    return given


# The database has threads of its own (chat.database).
async def test_a_call_with_a_token_goes_to_no_thread_of_its_own(chat: Rig, owner: Browser, hops: list[str]) -> None:
    assert (await owner.get("/api/conversations")).status == 200

    assert hops == []


async def test_so_does_one_with_a_session(chat: Rig, hops: list[str]) -> None:
    person = Browser(session=await session_of(chat.alice))
    hops.clear()

    assert (await person.get("/api/conversations")).status == 200

    assert hops == []


async def test_a_posted_form_is_read_in_a_thread_and_refused_by_a_page(chat: Rig, hops: list[str]) -> None:
    person = Browser(session=await session_of(chat.alice))
    hops.clear()

    response = await person.post(
        "/accounts/logout/", b"csrfmiddlewaretoken=x", content_type="application/x-www-form-urlencoded"
    )

    assert response.status == 403
    assert b"<html" in response.body
    assert any("process_view" in each for each in hops)
    assert any("_reject" in each for each in hops)
    # Where a thread was there, it is asked to let go of its connections.
    assert "close" in hops[-1]


def test_each_stands_for_one_of_the_settings() -> None:
    assert set(ON_LOOP) <= set(settings.MIDDLEWARE)
    for original, ours in ON_LOOP.items():
        assert issubclass(import_string(ours), import_string(original))
