from __future__ import annotations

import dataclasses
import uuid
from typing import Any

import pytest
from django.db import IntegrityError

from chat.models import Conversation, UnansweredQuestion, User
from chat.models.unanswered_question import LONGEST_REASON, MOST, MOST_BYTES, Asked, Reason
from tests.cast import make_conversation
from tests.models.test_turn import again, turn

DOWN = Reason("provider_unavailable", "The model server does not answer.", True)


def asked(owner: User, **changed: Any) -> Asked:
    first = Asked(
        run_id=str(uuid.uuid4()),
        client_message_id=str(uuid.uuid4()),
        owner_id=owner.pk,
        conversation_id=str(uuid.uuid4()),
        parent_id=None,
        title="What is a heron?",
        text="What is a heron?",
        assistant_slug="demo",
        model="demo-1",
    )
    return dataclasses.replace(first, **changed)


def retried(question: Asked) -> Asked:
    return dataclasses.replace(question, run_id=str(uuid.uuid4()), client_message_id=str(uuid.uuid4()))


def keep(*questions: Asked, reason: Reason = DOWN) -> None:
    for each in questions:
        UnansweredQuestion.objects.keep(each, reason)


def kept(owner: User) -> list[str]:
    return [str(each.run_id) for each in UnansweredQuestion.objects.of(owner.pk)]


def test_a_question_is_kept_with_its_error(alice: User) -> None:
    question = asked(alice)

    keep(question)

    found = alice.unanswered.get()
    assert (str(found.run_id), str(found.conversation_id), found.text) == (
        question.run_id, question.conversation_id, "What is a heron?",
    )  # fmt: skip
    assert (found.assistant, found.model, found.parent_id) == ("demo", "demo-1", None)
    assert (found.code, found.message, found.retryable) == (DOWN.code, DOWN.message, True)
    assert found.tools_on is None
    assert not Conversation.objects.exists()


def test_questions_are_listed_newest_first_for_their_owner_only(alice: User, charlie: User) -> None:
    first, second, his = asked(alice), asked(alice), asked(charlie)

    keep(first, second, his)

    assert kept(alice) == [second.run_id, first.run_id]
    assert kept(charlie) == [his.run_id]


def test_a_question_that_fails_again_is_kept_once(alice: User) -> None:
    question = asked(alice)
    once_more = retried(question)

    keep(question, once_more)

    assert kept(alice) == [once_more.run_id]


def test_the_same_text_elsewhere_is_another_question(alice: User, bob: User) -> None:
    question = asked(alice)
    others = [asked(alice), retried(dataclasses.replace(question, parent_id=str(uuid.uuid4())))]

    keep(question, *others, asked(bob, conversation_id=question.conversation_id))

    assert len(kept(alice)) == 3


def test_the_turn_that_answers_it_removes_it(alice: User) -> None:
    saved = turn(alice)
    other = asked(alice, conversation_id=saved.conversation_id, text="And an egret?")
    keep(asked(alice, conversation_id=saved.conversation_id), other)

    saved.save()

    assert kept(alice) == [other.run_id]


def test_a_turn_that_cannot_be_saved_removes_nothing(alice: User, charlie: User) -> None:
    his = turn(charlie)
    his.save()
    hers = asked(alice, conversation_id=his.conversation_id)
    keep(hers)

    with pytest.raises(IntegrityError):
        turn(alice, conversation_id=his.conversation_id).save()

    assert kept(alice) == [hers.run_id]


def test_the_same_send_answers_it_wherever_it_went(alice: User) -> None:
    question = asked(alice)
    keep(question)

    turn(alice, client_message_id=question.client_message_id).save()

    assert kept(alice) == []


def test_a_regenerated_answer_removes_nothing(alice: User) -> None:
    first = turn(alice)
    first.save()
    question = asked(alice, conversation_id=first.conversation_id)
    keep(question)

    again(first, is_another_answer=True, user_message_id=first.user_message_id).save()

    assert kept(alice) == [question.run_id]


def test_a_question_saved_after_all_is_not_kept(alice: User) -> None:
    saved = turn(alice)
    saved.save()

    keep(asked(alice, client_message_id=saved.client_message_id))

    assert kept(alice) == []


def test_it_is_deleted_with_its_conversation(alice: User) -> None:
    conversation = make_conversation(alice, "What is a heron?", "A bird.")
    keep(asked(alice, conversation_id=str(conversation.pk), parent_id=str(conversation.active_leaf_id)))

    conversation.delete_softly()
    assert kept(alice) == []
    conversation.restore()
    assert len(kept(alice)) == 1
    Conversation.objects.all().delete()

    assert not UnansweredQuestion.objects.exists()


def test_it_is_deleted_with_its_owner(alice: User) -> None:
    keep(asked(alice))

    alice.delete()

    assert not UnansweredQuestion.objects.exists()


def test_questions_per_user_are_limited(alice: User, bob: User) -> None:
    questions = [asked(alice, text=f"Question {number}") for number in range(MOST + 2)]
    keep(asked(bob), *questions)

    assert kept(alice) == [each.run_id for each in reversed(questions[2:])]
    assert len(kept(bob)) == 1


def test_text_per_user_is_limited(alice: User) -> None:
    half = asked(alice, text="ä" * (MOST_BYTES // 4))
    short, whole = asked(alice, text="short"), asked(alice, text="x" * MOST_BYTES)

    keep(half, short, asked(alice, text="y" * (MOST_BYTES // 2)))
    assert len(kept(alice)) == 2
    keep(whole)
    assert kept(alice) == [whole.run_id]


def test_a_long_error_is_truncated(alice: User) -> None:
    keep(asked(alice), reason=Reason("provider_error", "no\0 " * LONGEST_REASON, False))

    found = alice.unanswered.get()
    assert len(found.message) == LONGEST_REASON
    assert "\0" not in found.message
