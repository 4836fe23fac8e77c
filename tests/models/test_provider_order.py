"""The order of the menu, which used to be decided by the provider as well, is the same after an upgrade."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from chat.models import Assistant, User

BEFORE = ("chat", "0015_plain_texts")

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def older(alice: User) -> Iterator[Any]:
    executor = MigrationExecutor(connection)
    try:
        executor.migrate([BEFORE])
        yield executor.loader.project_state([BEFORE]).apps.get_model("chat", "Assistant").objects
    finally:
        migrate()


def migrate() -> None:
    executor = MigrationExecutor(connection)
    executor.migrate(executor.loader.graph.leaf_nodes("chat"))


@pytest.mark.parametrize("positions", [(0, 0, 0, 0, 0), (2, 0, 0, 1, 1), (2**31 - 1, 0, 5, 5, 0)], ids=str)
def test_an_upgrade_keeps_the_order(older: Any, alice: User, positions: tuple[int, ...]) -> None:
    providers = ("demo", "ollama", "openai", "ollama", "openai")
    for name, provider, position in zip("abcde", providers, positions, strict=True):
        older.create(name=name, slug=name, provider=provider, model=name, position=position)
    before = list(older.order_by("position", "-provider", "name").values_list("name", flat=True))

    migrate()

    assert [assistant.name for assistant in Assistant.objects.usable_by(alice)] == before


def test_downgrading_and_upgrading_again_changes_no_position(older: Any, alice: User) -> None:
    for name, provider, position in (("a", "openai", 0), ("b", "demo", 2), ("c", "ollama", 7)):
        older.create(name=name, slug=name, provider=provider, model=name, position=position)
    migrate()
    after = list(Assistant.objects.order_by("pk").values_list("position", flat=True))
    long = Assistant.objects.create(name="d", slug="d", provider="a-name-of-more-than-twenty-characters", model="d")

    MigrationExecutor(connection).migrate([BEFORE])

    # Cut to the length that the column had then.
    assert older.get(pk=long.pk).provider == "a-name-of-more-than-"
    assert list(older.exclude(pk=long.pk).order_by("pk").values_list("position", flat=True)) == [0, 2, 7]
    migrate()
    assert list(Assistant.objects.exclude(pk=long.pk).order_by("pk").values_list("position", flat=True)) == after
