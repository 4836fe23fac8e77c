"""The models of the Anthropic account set in the environment (chat/providers/anthropic/detection.py)."""

from __future__ import annotations

import json

import pytest

from chat.providers.anthropic.detection import detect
from tests.ports import closed_port
from tests.providers.raw_server import RawServer, response

LISTED = json.dumps({"data": [{"id": "claude-new"}, {"id": "claude-old"}], "has_more": False}).encode()


async def test_the_first_listed_model_is_the_default() -> None:
    async with RawServer(lambda _: [response(LISTED)]) as server:
        found = await detect({"ANTHROPIC_API_KEY": "key-of-anthropic", "ANTHROPIC_BASE_URL": server.base_url}, False)

    assert (found.models, found.default_model) == (("claude-new", "claude-old"), "claude-new")


async def test_a_configured_model_needs_no_request() -> None:
    settings = {"ANTHROPIC_BASE_URL": f"http://127.0.0.1:{closed_port()}", "ANTHROPIC_MODEL": "claude-mine"}

    assert (await detect(settings, False)).models == ("claude-mine",)
    doubted = await detect(settings, True)
    assert (doubted.models, doubted.is_silent) == (("claude-mine",), True)


@pytest.mark.parametrize("body", [b"[]", b"{}", b"<html>", b'{"data": []}', b"\xff"])
async def test_any_listing_is_handled(body: bytes) -> None:
    async with RawServer(lambda _: [response(body)]) as server:
        found = await detect({"ANTHROPIC_API_KEY": "key-of-anthropic", "ANTHROPIC_BASE_URL": server.base_url}, False)

    assert found.models == ()
    assert "Set ANTHROPIC_MODEL" in found.problem
    assert "key-of-anthropic" not in found.problem
