"""A database of v0.1.0 migrates, and every message reads as before: branches, continuations, search."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from chat.api.conversations import listed
from chat.api.messages import end_of_branch
from chat.generation import replay
from chat.models import Conversation, Message, User
from chat.models.part import parts_of
from chat.protocol.parts import Text
from chat.search import hits
from chat.search.words import Words

RELEASE = [("chat", "0013_unanswered_question")]
FIXTURE = json.loads((Path(__file__).parent / "v0_1_0.json").read_text("utf-8"))
ORDER = ("User", "Assistant", "Conversation", "Message", "UnansweredQuestion")

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def migrated() -> Iterator[User]:
    """The owner of the data, after the migration."""
    executor = MigrationExecutor(connection)
    try:
        executor.migrate(RELEASE)
        models = executor.loader.project_state(RELEASE).apps
        for name in ORDER:
            model = models.get_model("chat", name)
            for row in FIXTURE[name]:
                model.objects.create(**{field: _value(model, field, value) for field, value in row.items()})
        shown = models.get_model("chat", "Conversation").objects
        for row in FIXTURE["active_leaf"]:
            shown.filter(pk=row["conversation"]).update(active_leaf_id=row["message"])
        executor = MigrationExecutor(connection)
        executor.migrate(executor.loader.graph.leaf_nodes())
        yield User.objects.get()
    finally:
        executor = MigrationExecutor(connection)
        executor.migrate(executor.loader.graph.leaf_nodes())


def _value(model: Any, field: str, value: Any) -> Any:
    is_time = field.endswith("_at") and value is not None
    return datetime.fromisoformat(value) if is_time else value


def test_every_message_reads_as_before(migrated: User) -> None:
    for row in FIXTURE["Message"]:
        message = Message.objects.get(pk=row["id"])
        assert {name: str(getattr(message, name)) for name in row if not name.endswith("_at")} == {
            name: str(value) for name, value in row.items() if not name.endswith("_at")
        }
        assert parts_of(message) == [Text(row["text"])]


def test_shown_branches_are_unchanged(migrated: User) -> None:
    assert [each["title"] for each in listed(migrated)["items"]] == FIXTURE["titles"]
    for conversation_id, ids in FIXTURE["branches"].items():
        page = end_of_branch(migrated, conversation_id, room=10**6)
        assert [each["id"] for each in page["items"]] == ids
        assert all(each["parts"] == [] for each in page["items"])


def test_search_finds_them(migrated: User) -> None:
    for query, ids in FIXTURE["found"].items():
        found = hits.find(migrated, Words.parse(query), after=None, limit=10)
        assert {str(hit.message.pk) for hit in found if hit.message} == set(ids)


async def test_a_saved_run_can_be_followed(migrated: User) -> None:
    row = next(row for row in FIXTURE["Message"] if row["role"] == "assistant")
    answer = await Message.objects.select_related("parent", "assistant").prefetch_related("parts").aget(pk=row["id"])

    entries = [entry async for batch in replay.follow(answer, None, limit=10**6) for entry in batch.entries]
    assert [entry.name for entry in entries] == ["start", "token", "done"]
    assert entries[1].data["text"] == row["text"]


def test_the_fixture_covers_branches_and_continuations(migrated: User) -> None:
    assert Message.objects.exclude(continues=None).exists()
    assert Conversation.objects.count() == len(FIXTURE["Conversation"])
    siblings = [row["parent_id"] for row in FIXTURE["Message"] if row["role"] == "assistant"]
    assert len(siblings) > len(set(siblings))
