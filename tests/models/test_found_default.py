"""Upgrading a site that did not yet record who chose the default assistant."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.contrib.admin.models import CHANGE, LogEntry
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from chat.generation.detected_assistants import show_detected
from chat.models import Assistant, User
from chat.providers.detected import Detected

BEFORE = ("chat", "0011_names_in_every_language")

pytestmark = pytest.mark.django_db(transaction=True)

Upgrade = Callable[[], Assistant]


def migrate(*targets: tuple[str, str]) -> Any:
    executor = MigrationExecutor(connection)
    executor.migrate(list(targets) or executor.loader.graph.leaf_nodes("chat"))
    return executor.loader.project_state([BEFORE]).apps


@pytest.fixture
def older(alice: User) -> Iterator[Any]:
    """The Django models of an older site. Its model server has listed two models."""
    try:
        models = migrate(BEFORE)
        for name in ("found", "other"):
            models.get_model("chat", "Assistant").objects.create(
                name=name, slug=name, provider="openai", model=name, is_detected=True
            )
        yield models
    finally:
        migrate()


def choose(older: Any, slug: str) -> Any:
    assistants = older.get_model("chat", "Assistant").objects
    assistants.update(is_default=False)
    assistants.filter(slug=slug).update(is_default=True)
    return assistants.get(slug=slug)


def log(assistant: Any, user: User, *fields: str) -> None:
    message = [{"changed": {"fields": list(fields)}}]
    LogEntry.objects.log_actions(user.pk, [Assistant(pk=assistant.pk)], CHANGE, message, single_object=True)


def after_the_server_lists_another() -> str:
    migrate()
    show_detected([Detected("openai", ("new", "other"), "new")])
    slug: str = Assistant.objects.get(is_default=True).slug
    return slug


def test_a_detected_default_may_be_replaced(older: Any) -> None:
    choose(older, "found")
    assert after_the_server_lists_another() == "new"


def test_a_detected_default_stays_while_it_is_listed(older: Any) -> None:
    choose(older, "found")
    migrate()
    show_detected([Detected("openai", ("new", "found"), "new")])
    assert Assistant.objects.get(is_default=True).slug == "found"


def test_a_change_of_another_field_does_not_count_as_a_choice(older: Any, alice: User) -> None:
    log(choose(older, "found"), alice, "Instructions", "Position")
    assert after_the_server_lists_another() == "new"


@pytest.mark.parametrize("field", ["Is default", "Default"])
def test_a_default_chosen_in_the_admin_stays(older: Any, alice: User, field: str) -> None:
    log(choose(older, "found"), alice, "Instructions", field)
    assert after_the_server_lists_another() == "found"


def test_a_default_that_was_not_first_counts_as_chosen(older: Any) -> None:
    """Even without an entry in the admin's log, which is deleted with the account that made the choice."""
    choose(older, "other")
    migrate()
    show_detected([Detected("openai", ("new",), "new")])
    assert Assistant.objects.get(is_default=True).slug == "other"


def test_a_default_created_by_an_administrator_stays(older: Any) -> None:
    older.get_model("chat", "Assistant").objects.create(name="mine", slug="mine", provider="openai", model="mine")
    choose(older, "mine")
    assert after_the_server_lists_another() == "mine"


def test_a_site_without_a_default_still_has_none(older: Any) -> None:
    migrate()
    assert not Assistant.objects.filter(is_found_default=True).exists()
