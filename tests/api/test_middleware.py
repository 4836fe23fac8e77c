"""Django's middleware runs on the event loop, and uses a thread only where it has to."""

from __future__ import annotations

import asyncio
from types import ModuleType
from typing import Any, Final

import pytest
from asgiref.sync import SyncToAsync
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.urls import path
from django.utils.module_loading import import_string

from chat.middleware.on_loop import ON_LOOP, Handler
from tests.api.rig import Browser
from tests.cast import session_of
from tests.chat_rig import Rig

SECONDS: Final = 30
SCOPE: Final = {
    "type": "http",
    "method": "GET",
    "path": "/wait",
    "root_path": "",
    "scheme": "http",
    "query_string": b"",
    "headers": [(b"host", b"localhost")],
    "client": ("127.0.0.1", 1),
    "server": ("localhost", 80),
}


@pytest.fixture
def hops(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The calls handed to threads, in order."""
    given: list[str] = []
    original = SyncToAsync.__call__

    async def counted(self: SyncToAsync[..., Any], *args: Any, **kwargs: Any) -> Any:
        given.append(repr(self.func))
        return await original(self, *args, **kwargs)

    monkeypatch.setattr(SyncToAsync, "__call__", counted)
    return given


# Not counted: the database's own threads (chat.database).
async def test_a_request_with_a_token_needs_no_thread(chat: Rig, owner: Browser, hops: list[str]) -> None:
    assert (await owner.get("/api/conversations")).status == 200

    assert hops == []


async def test_a_request_with_a_session_needs_no_thread(chat: Rig, hops: list[str]) -> None:
    person = Browser(session=await session_of(chat.alice))
    hops.clear()

    assert (await person.get("/api/conversations")).status == 200

    assert hops == []


async def test_a_posted_form_is_read_in_a_thread_and_refused_with_a_page(chat: Rig, hops: list[str]) -> None:
    person = Browser(session=await session_of(chat.alice))
    hops.clear()

    response = await person.post(
        "/accounts/logout/", b"csrfmiddlewaretoken=x", content_type="application/x-www-form-urlencoded"
    )

    assert response.status == 403
    assert b"<html" in response.body
    assert any("process_view" in each for each in hops)
    assert any("_reject" in each for each in hops)
    # A thread that was used closes its database connections.
    assert "close" in hops[-1]


def test_each_replaces_a_middleware_of_the_settings() -> None:
    assert set(ON_LOOP) <= set(settings.MIDDLEWARE)
    for original, ours in ON_LOOP.items():
        assert issubclass(import_string(ours), import_string(original))


class _Waiting:
    """A view that never responds."""

    def __init__(self) -> None:
        self.asked = asyncio.Event()
        self.ended = False

    async def __call__(self, request: HttpRequest) -> HttpResponse:
        self.asked.set()
        try:
            await asyncio.Event().wait()
        finally:
            self.ended = True
        return HttpResponse()


async def test_a_view_is_cancelled_when_its_client_disconnects(settings: Any) -> None:
    view = _Waiting()

    async def wait(request: HttpRequest) -> HttpResponse:
        return await view(request)

    urls = ModuleType("urls")
    urls.urlpatterns = [path("wait", wait)]  # type: ignore[attr-defined]
    settings.ROOT_URLCONF, settings.MIDDLEWARE = urls, []
    sent: list[Any] = []
    messages = [{"type": "http.request", "body": b"", "more_body": False}]

    async def receive() -> Any:
        if messages:
            return messages.pop()
        await view.asked.wait()
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        sent.append(message)

    async with asyncio.timeout(SECONDS):
        await Handler()(SCOPE, receive, send)
    assert view.ended
    assert sent == []
