from __future__ import annotations

import uuid
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from chat.models import Conversation, Message, User, branch
from chat.models.branch import NotOnBranch
from tests.cast import add_turn, make_conversation

SIZE = 10


def texts(messages: list[Message]) -> list[str]:
    return [message.text for message in messages]


def grow(conversation: Conversation, turns: int) -> list[Message]:
    """Insert a chain of this many turns. Returns all messages, first to last."""
    begun = timezone.now()
    messages: list[Message] = []
    for number in range(2 * turns):
        messages.append(
            Message(
                conversation=conversation,
                owner=conversation.owner,
                parent=messages[-1] if messages else None,
                role=Message.Role.ASSISTANT if number % 2 else Message.Role.USER,
                text=str(number),
                created_at=begun + timedelta(seconds=number),
            )
        )
    Message.objects.bulk_create(messages)
    conversation.active_leaf = messages[-1]
    conversation.save()
    return messages


@pytest.fixture
def empty(alice: User) -> Conversation:
    return Conversation.objects.create(owner=alice, title="Long")


def test_a_branch_is_read_from_its_leaf_up(conversation: Conversation) -> None:
    first = conversation.active_leaf
    beside = add_turn(conversation, "Another?", "Another.", parent=first)
    leaf = add_turn(conversation, "And a crane?", "Also.", parent=first)

    stretch = branch.older(conversation, leaf.pk, leaf.pk, size=SIZE)

    assert texts(stretch.messages) == ["Also.", "And a crane?", "A long-legged bird.", "What is a heron?"]
    assert (stretch.leaf_id, stretch.has_newer, stretch.older_id) == (leaf.pk, False, None)
    assert beside not in stretch.messages


def test_pages_up_and_down_cover_the_whole_branch(empty: Conversation) -> None:
    messages = grow(empty, 12)
    leaf_id = messages[-1].pk
    seen: list[Message] = []
    first_id: uuid.UUID | None = leaf_id
    while first_id:
        stretch = branch.older(empty, leaf_id, first_id, size=7)
        assert stretch.has_newer is bool(seen)
        seen += stretch.messages
        first_id = stretch.older_id
    assert seen == messages[::-1]

    back: list[Message] = []
    more = True
    while more:
        above = back[0] if back else messages[0]
        stretch = branch.newer(empty, leaf_id, above.pk, size=7)
        assert stretch.older_id == above.pk
        back = [*stretch.messages, *back]
        more = stretch.has_newer
    assert back == messages[:0:-1]


@pytest.mark.parametrize("place", [0, 1, 9, 22, 23])
def test_around_returns_a_message_with_its_neighbours(empty: Conversation, place: int) -> None:
    messages = grow(empty, 12)

    stretch = branch.around(empty, messages[place].pk, size=6)

    low, high = max(0, place - 5 + min(3, 23 - place)), min(24, place + 4)
    assert stretch.messages == messages[low:high][::-1]
    assert stretch.has_newer is (high < 24)
    assert stretch.older_id == (messages[low - 1].pk if low else None)


def test_around_a_hidden_message_uses_its_newest_branch(conversation: Conversation) -> None:
    first = conversation.active_leaf
    hidden = add_turn(conversation, "Old?", "Old.", parent=first)
    deepest = add_turn(conversation, "Older?", "Deep.", parent=hidden)
    shown = add_turn(conversation, "New?", "New.", parent=first)

    stretch = branch.around(conversation, hidden.pk, size=SIZE)

    assert stretch.leaf_id == deepest.pk
    assert texts(stretch.messages)[:3] == ["Deep.", "Older?", "Old."]
    assert shown not in stretch.messages
    assert branch.around(conversation, first.pk, size=SIZE).leaf_id == shown.pk


def test_the_newest_leaf_is_the_last_answer_below(conversation: Conversation) -> None:
    first = conversation.active_leaf
    one = add_turn(conversation, "One?", "One.", parent=first)
    two = add_turn(conversation, "Two?", "Two.", parent=first)
    again = add_turn(conversation, "Again?", "Again.", parent=one)
    Message.objects.filter(pk=two.pk).update(created_at=timezone.now() + timedelta(seconds=9))

    assert branch.newest_leaf(first.pk) == two.pk
    assert branch.newest_leaf(one.pk) == again.pk
    assert branch.newest_leaf(again.pk) == again.pk
    assert branch.newest_leaf(uuid.uuid4()) is None


def test_siblings_have_the_same_parent_and_role(conversation: Conversation) -> None:
    answer = conversation.active_leaf
    question = answer.parent
    second = conversation.messages.create(
        owner=conversation.owner, parent=question, role=Message.Role.ASSISTANT, text="A wader."
    )
    anew = add_turn(conversation, "What is a crane?", "A bird, too.")

    found = branch.siblings(conversation, [answer, question])

    assert found == {answer.pk: [answer.pk, second.pk], question.pk: [question.pk, anew.parent_id]}


def test_roots_of_other_conversations_are_not_siblings(conversation: Conversation, alice: User) -> None:
    make_conversation(alice, "Elsewhere?", "Elsewhere.")
    question = conversation.active_leaf.parent

    assert branch.siblings(conversation, [question]) == {question.pk: [question.pk]}


@pytest.mark.parametrize("of", ["another conversation", "nothing"])
def test_a_message_of_another_conversation_is_not_on_the_branch(
    conversation: Conversation, alice: User, of: str
) -> None:
    other = make_conversation(alice, "Elsewhere?", "Elsewhere.").active_leaf_id
    wrong = other if of == "another conversation" else uuid.uuid4()
    leaf_id = conversation.active_leaf_id

    with pytest.raises(NotOnBranch):
        branch.older(conversation, wrong, wrong, size=SIZE)
    with pytest.raises(NotOnBranch):
        branch.newer(conversation, leaf_id, wrong, size=SIZE)
    with pytest.raises(NotOnBranch):
        branch.newer(conversation, wrong, wrong, size=SIZE)
    with pytest.raises(NotOnBranch):
        branch.around(conversation, wrong, size=SIZE)


def test_a_page_of_5000_messages_takes_few_queries_and_objects(
    empty: Conversation, monkeypatch: pytest.MonkeyPatch
) -> None:
    messages = grow(empty, 2500)
    if connection.vendor == "postgresql":
        # As autovacuum does it. Without statistics, the planner reads the whole table once for each message.
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE chat_message")
    leaf_id = messages[-1].pk
    made = 0
    undisturbed = Message.from_db.__func__  # type: ignore[attr-defined]

    def counted(kind: type[Message], *arguments: object) -> Message:
        nonlocal made
        made += 1
        message: Message = undisturbed(kind, *arguments)
        return message

    monkeypatch.setattr(Message, "from_db", classmethod(counted))
    for read in (
        lambda: branch.older(empty, leaf_id, leaf_id, size=SIZE),
        lambda: branch.older(empty, leaf_id, messages[20].pk, size=SIZE),
        lambda: branch.newer(empty, leaf_id, messages[20].pk, size=SIZE),
        lambda: branch.around(empty, messages[2500].pk, size=SIZE),
    ):
        made = 0
        with CaptureQueriesContext(connection) as queries:
            stretch = read()
            branch.siblings(empty, stretch.messages)
        assert len(stretch.messages) == SIZE
        assert len(queries) <= 6
        assert made <= SIZE + 1


@pytest.mark.parametrize(("room", "count"), [(5000, 5), (4999, 4), (999, 1), (0, 1), (10**9, SIZE)])
def test_a_stretch_is_limited_by_its_room(empty: Conversation, room: int, count: int) -> None:
    """The last case is the control: without a bound, all of them are read."""
    messages = grow(empty, 12)
    Message.objects.filter(conversation=empty).update(text="x" * 1000)
    leaf_id, middle = messages[-1].pk, messages[12]

    up = branch.older(empty, leaf_id, leaf_id, size=SIZE, room=room)
    down = branch.newer(empty, leaf_id, messages[0].pk, size=SIZE, room=room)
    beside = branch.around(empty, middle.pk, size=SIZE, room=room)

    assert up.messages == messages[: -count - 1 : -1]
    assert up.older_id == messages[-count - 1].pk
    assert down.messages == messages[count:0:-1]
    assert (down.has_newer, down.older_id) == (True, messages[0].pk)
    assert len(beside.messages) == count
    assert middle in beside.messages
    assert abs(beside.messages.index(middle) - (count - 1) / 2) <= 1
