from __future__ import annotations

import dataclasses
import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError
from django.utils import timezone

from chat.models import Assistant, Conversation, Message, User
from chat.models.turn import Turn


def turn(owner: User, **changed: Any) -> Turn:
    first = Turn(
        run_id=str(uuid.uuid4()),
        client_message_id=str(uuid.uuid4()),
        owner_id=owner.pk,
        conversation_id=str(uuid.uuid4()),
        title="Herons",
        assistant_slug="demo",
        model="demo-1",
        parent_id=None,
        user_message_id=str(uuid.uuid4()),
        user_text="What is a heron?",
        asked_at=timezone.now() - timedelta(seconds=9),
        message_id=str(uuid.uuid4()),
        text="A bird.",
        status="completed",
        finish_reason="stop",
        input_tokens=5,
        output_tokens=3,
        ttft_ms=120,
        duration_ms=900,
    )
    return dataclasses.replace(first, **changed)


def again(saved: Turn, **changed: Any) -> Turn:
    """The next turn of the same conversation."""
    ids = {name: str(uuid.uuid4()) for name in ("run_id", "client_message_id", "user_message_id", "message_id")}
    return dataclasses.replace(saved, **{**ids, **changed})


def test_a_first_turn_makes_its_conversation(alice: User) -> None:
    demo = Assistant.objects.create(name="Demo", slug="demo", provider="demo", model="demo-1")

    answer = turn(alice).save()

    conversation = alice.conversations.get()
    question = answer.parent
    assert question is not None
    assert (conversation.title, conversation.assistant, conversation.active_leaf) == ("Herons", demo, answer)
    assert (question.role, question.text, question.parent) == ("user", "What is a heron?", None)
    assert (answer.role, answer.text, answer.assistant, answer.model) == ("assistant", "A bird.", demo, "demo-1")
    assert (answer.input_tokens, answer.output_tokens, answer.ttft_ms, answer.duration_ms) == (5, 3, 120, 900)
    assert conversation.created_at == question.created_at < answer.created_at


def test_a_next_turn_goes_below_and_keeps_the_title(alice: User) -> None:
    first = turn(alice)
    first.save()

    answer = again(first, parent_id=first.message_id, title="Other").save()

    conversation = alice.conversations.get()
    assert (conversation.title, conversation.active_leaf, conversation.messages.count()) == ("Herons", answer, 4)
    assert answer.parent is not None
    assert str(answer.parent.parent_id) == first.message_id


@pytest.mark.parametrize(
    ("before", "chosen", "after"),
    [(None, False, False), (False, None, False), (True, False, False), (False, True, True), (None, None, None)],
)
def test_a_conversation_remembers_what_a_turn_chose_of_its_tools(
    alice: User, before: bool | None, chosen: bool | None, after: bool | None
) -> None:
    first = turn(alice, tools_on=before)
    first.save()
    assert alice.conversations.get().tools_on is before

    answer = again(first, parent_id=first.message_id, tools_on=chosen).save()

    assert alice.conversations.get().tools_on is answer.conversation.tools_on is after


def test_saving_it_again_changes_nothing(alice: User) -> None:
    first = turn(alice)
    saved = first.save()
    alice.conversations.update(title="Mine")

    assert first.save() == saved

    assert (Message.objects.count(), alice.conversations.get().title) == (2, "Mine")


def test_another_run_of_the_same_message_returns_the_existing_turn(alice: User) -> None:
    first = turn(alice)
    saved = first.save()

    assert again(first, client_message_id=first.client_message_id, text="Another answer.").save() == saved

    assert Message.objects.count() == 2
    assert alice.conversations.get().active_leaf == saved


def test_two_owners_may_use_the_same_client_message_id(alice: User, bob: User) -> None:
    hers = turn(alice)
    hers.save()

    turn(bob, client_message_id=hers.client_message_id).save()

    assert (alice.messages.count(), bob.messages.count()) == (2, 2)


def test_a_turn_cannot_be_saved_in_a_conversation_of_another_user(alice: User, charlie: User) -> None:
    hers = turn(alice)
    hers.save()

    with pytest.raises(IntegrityError):
        again(hers, owner_id=charlie.pk).save()

    assert alice.conversations.get().messages.count() == 2
    assert not charlie.messages.exists()


def test_a_parent_in_another_conversation_is_ignored(alice: User) -> None:
    elsewhere = turn(alice)
    elsewhere.save()

    answer = turn(alice, parent_id=elsewhere.message_id).save()

    assert answer.parent is not None
    assert answer.parent.parent is None


@pytest.mark.parametrize("gone", ["conversation", "assistant"])
def test_a_turn_survives_deletions_in_the_meantime(alice: User, gone: str) -> None:
    demo = Assistant.objects.create(name="Demo", slug="demo", provider="demo", model="demo-1")
    first = turn(alice)
    first.save()
    (alice.conversations.get() if gone == "conversation" else demo).delete()

    answer = again(first, parent_id=first.message_id).save()

    assert answer.text == "A bird."
    assert Conversation.objects.get().active_leaf == answer


def test_a_turn_is_written_completely_or_not_at_all(alice: User) -> None:
    """The answer cannot be stored, so neither the question nor the conversation is."""
    one = str(uuid.uuid4())
    with pytest.raises(IntegrityError):
        turn(alice, message_id=one, user_message_id=one).save()

    assert not Message.objects.exists()
    assert not Conversation.objects.exists()


def another(saved: Turn, **changed: Any) -> Turn:
    """Another answer to the question of a saved turn."""
    ids = {name: str(uuid.uuid4()) for name in ("run_id", "client_message_id", "message_id")}
    return dataclasses.replace(saved, **{**ids, "text": "A wader.", "is_another_answer": True, **changed})


def test_a_regenerated_answer_is_a_sibling_and_becomes_active(alice: User) -> None:
    first = turn(alice)
    before = first.save()
    second = another(first)

    answer = second.save()

    assert Message.objects.count() == 3
    assert (answer.parent, str(answer.client_message_id)) == (before.parent, second.client_message_id)
    assert alice.conversations.get().active_leaf == answer


def test_a_regenerated_answer_is_saved_once(alice: User) -> None:
    first = turn(alice)
    before = first.save()
    second = another(first)
    saved = second.save()

    assert second.save() == saved
    assert another(first, client_message_id=second.client_message_id, text="A third.").save() == saved
    assert first.save() == before

    assert Message.objects.count() == 3
    assert alice.conversations.get().active_leaf == saved


def test_an_answer_with_the_id_of_a_question_is_not_saved(alice: User) -> None:
    """A check of such ids beforehand can lose the race against the first turn."""
    first = turn(alice)
    first.save()

    with pytest.raises(IntegrityError):
        another(first, client_message_id=first.client_message_id).save()

    assert Message.objects.count() == 2


def test_a_question_purged_meanwhile_is_written_again(alice: User) -> None:
    first = turn(alice)
    first.save()
    alice.conversations.get().delete()

    answer = another(first).save()

    assert answer.parent is not None
    assert (answer.parent.text, str(answer.parent.pk)) == ("What is a heron?", first.user_message_id)
    assert Message.objects.count() == 2


def test_an_empty_continuation_equals_what_it_continues(alice: User) -> None:
    first = turn(alice)
    before = first.save()

    answer = another(first, text="", continues_id=first.message_id).save()

    assert (answer.text, answer.continues) == ("A bird.", before)


def test_only_an_answer_to_the_same_question_is_continued(alice: User) -> None:
    first, elsewhere = turn(alice), turn(alice)
    first.save()
    elsewhere.save()

    assert another(first, text="", continues_id=elsewhere.message_id).save().continues is None


FIGURES = ("input_tokens", "output_tokens", "ttft_ms", "duration_ms")


@pytest.mark.parametrize("name", FIGURES)
@pytest.mark.parametrize(
    "figure", [-1, -(10**30), 3 * 10**9, 2**63, 10**20, float("inf"), float("nan"), "12a", [], {}]
)
def test_bad_statistics_do_not_lose_an_answer(alice: User, name: str, figure: object) -> None:
    first = turn(alice, **{name: figure})

    saved = first.save()

    saved.refresh_from_db()
    assert (saved.text, saved.status, saved.finish_reason, saved.model) == ("A bird.", "completed", "stop", "demo-1")
    # SQLite's integers are larger than PostgreSQL's, so it may store this one.
    assert getattr(saved, name) in (None, 0, figure)
    assert first.save() == saved
    assert Message.objects.count() == 2


@pytest.mark.parametrize(
    ("name", "text", "kept"),
    [
        ("finish_reason", "x" * 500, "x" * 20),
        ("finish_reason", "st\0p", "st\ufffdp"),
        ("model", "m" * 10_000, "m" * 200),
        ("model", "m\ud83d", "m\ufffd"),
    ],
)
def test_bad_metadata_does_not_lose_an_answer(alice: User, name: str, text: str, kept: str) -> None:
    saved = turn(alice, **{name: text}).save()

    saved.refresh_from_db()
    assert saved.text == "A bird."
    # SQLite does not limit the length of text, and accepts a NUL.
    assert getattr(saved, name) in (kept, text)


def test_an_answer_unsavable_without_statistics_is_an_error(alice: User) -> None:
    """The control: an error in the turn itself is raised, and nothing is saved."""
    one = str(uuid.uuid4())
    with pytest.raises(IntegrityError):
        turn(alice, message_id=one, user_message_id=one, input_tokens=-1).save()
    with pytest.raises(ValueError, match="surrogates"):
        turn(alice, text="\ud83d", input_tokens=-1).save()

    assert Message.objects.count() == 0
