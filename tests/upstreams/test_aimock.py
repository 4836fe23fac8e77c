"""What aimock is told to say. Whether it does, and what the site makes of it: bin/upstreams."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.members import prepare
from tests.upstreams.__main__ import SERVERS
from tests.upstreams.accounts import make_account
from tests.upstreams.servers import FIRST, KEY, LONG, SECOND, TITLE, TOTAL, Aimock, AnthropicAimock, ResponsesAimock

WIRES = (Aimock, ResponsesAimock, AnthropicAimock)


@pytest.fixture(params=WIRES, ids=lambda server: server.name)
def server(request: pytest.FixtureRequest, tmp_path: Path) -> Aimock:
    made: Aimock = request.param(tmp_path)
    return made


def played(server: Aimock, question: str, *, system: str = "", result: str | None = None) -> dict[str, Any]:
    """The first fixture that matches, as aimock looks for it. `result`: what a tool has returned to this question."""
    for fixture in json.loads(json.dumps(server.fixtures())):
        match = fixture["match"]
        if (
            match.get("userMessage", "") in question
            and match.get("systemMessage", "") in system
            and match.get("toolResultContains", "") in (result or "")
            and match.get("hasToolResult", result is not None) == (result is not None)
            and not ("toolResultContains" in match and result is None)
        ):
            return dict(fixture["response"])
    raise AssertionError(question)


def test_each_wire_is_a_row_of_its_own() -> None:
    assert set(WIRES) <= set(SERVERS.values())
    assert len({server.path for server in WIRES}) == len(WIRES)


def test_every_question_gets_its_answer(server: Aimock) -> None:
    assert played(server, "Say the first line")["content"] == FIRST
    assert played(server, "Say the second line")["content"] == SECOND
    assert played(server, "Count slowly")["content"] == LONG
    assert played(server, "Say the first line", system="You write titles.")["content"] == TITLE
    assert played(server, server.flood)["status"] == 400


def test_the_tool_is_called_once(server: Aimock) -> None:
    [call] = played(server, "Let it calculate")["toolCalls"]
    assert call["name"] == "calculator"
    assert played(server, "Let it calculate", result=TOTAL)["content"] == server.calculated
    with pytest.raises(AssertionError):
        played(server, "Let it calculate", result="something else")


def test_every_error_is_played(server: Aimock) -> None:
    said = [played(server, question) for question in server.errors]
    assert [each.get("status", 200) for each in said] == [429, 500, 200]


def test_the_settings_name_this_server_and_no_other(server: Aimock) -> None:
    named = {name for name, value in server.settings.items() if value}
    assert (
        named
        == {
            "aimock": {"OPENAI_BASE_URL", "OPENAI_API_KEY"},
            "aimock-responses": set(),
            "aimock-anthropic": {"ANTHROPIC_BASE_URL", "ANTHROPIC_API_KEY"},
        }[server.name]
    )
    assert bool(server.account) != bool(named)


def test_an_account_is_made_with_its_key_sealed(tmp_path: Path) -> None:
    prepare(tmp_path)
    make_account(tmp_path, kind="openai-responses", base_url="http://127.0.0.1:9/v1", key=KEY)
    with closing(sqlite3.connect(tmp_path / "chat.sqlite3")) as connection:
        [(kind, base_url, sealed)] = connection.execute(
            "SELECT kind, base_url, sealed_key FROM chat_provideraccount"
        ).fetchall()
    assert (kind, base_url) == ("openai-responses", "http://127.0.0.1:9/v1")
    assert sealed
    assert KEY not in sealed
