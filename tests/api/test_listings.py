"""Whatever a model server sends as its list of models, the site keeps working and says what is wrong."""

from __future__ import annotations

import pytest
from pytest_django import Settings

from chat import database
from chat.generation import bootstrap
from tests.api.rig import Browser
from tests.cast import make_user, session_of
from tests.providers.raw_server import RawServer, response

pytestmark = pytest.mark.django_db(transaction=True)

USELESS = {
    "no ids": b'{"data": [{"object": "model"}]}',
    "null ids": b'{"data": [{"id": null}]}',
    "numbers as ids": b'{"data": [{"id": 7}]}',
    "a string": b'"tiny"',
    "HTML": b"<!doctype html><title>Sign in</title>",
    "not JSON": b"tiny, small",
    "nothing": b"",
    "a long id": b'{"data": [{"id": "%s"}]}' % (b"x" * 300),
    "a NUL": b'{"data": [{"id": "a\\u0000b"}]}',
    "embeddings alone": b'[{"id": "nomic-embed-text"}, {"id": "x", "type": "embedding"}]',
}
USABLE = {"a bare list": b'[{"id": "tiny"}]', "strings": b'["tiny"]', "ids in data": b'{"data": ["tiny"]}'}


async def asked(settings: Settings, body: bytes) -> tuple[dict[str, int], list[str], dict[str, object]]:
    """The status of each request, the models, and the error of a message."""
    alice = await database.write(make_user, "alice")
    browser = Browser(session=await session_of(alice), csrf="a" * 32)
    async with RawServer(lambda _: [response(body)]) as server:
        settings.OPENAI_BASE_URL, settings.OLLAMA_URL = server.base_url, ""
        chat = await bootstrap.build()
        bootstrap.install(chat)
        try:
            answers = {path: await browser.get(path) for path in ("/", "/readyz", "/api/assistants")}
            sent = await browser.post("/api/runs", {"text": "Hi"})
        finally:
            await chat.close()
    models = [assistant["model"] for assistant in answers["/api/assistants"].data["items"]]
    statuses = {path: answer.status for path, answer in answers.items()}
    return {**statuses, "send": sent.status}, models, sent.data.get("error", {})


@pytest.mark.parametrize("body", USELESS.values(), ids=USELESS)
async def test_a_listing_without_names_is_reported_and_nothing_fails(settings: Settings, body: bytes) -> None:
    statuses, models, error = await asked(settings, body)

    assert statuses == {"/": 200, "/readyz": 200, "/api/assistants": 200, "send": 409}
    assert models == []
    assert error["code"] == "no_model"


@pytest.mark.parametrize("body", USABLE.values(), ids=USABLE)
async def test_listings_of_another_shape_are_read(settings: Settings, body: bytes) -> None:
    statuses, models, _ = await asked(settings, body)

    assert statuses == {"/": 200, "/readyz": 200, "/api/assistants": 200, "send": 201}
    assert models == ["tiny"]
