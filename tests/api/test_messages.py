from __future__ import annotations

import base64
import uuid
from typing import Any

import pytest

from chat import database
from chat.models import Message
from tests.api.rig import Browser
from tests.chat_rig import Rig

pytestmark = pytest.mark.django_db(transaction=True)


def texts(page: dict[str, Any]) -> list[str]:
    return [each["text"] for each in page["items"]]


def forged(*words: str) -> str:
    return base64.urlsafe_b64encode(" ".join(words).encode()).decode().rstrip("=")


class Branched:
    """A question with its answer, and below it two questions with their answers. The second one is shown."""

    def __init__(self, owner: Browser, conversation_id: str, ids: dict[str, str]) -> None:
        self.owner = owner
        self.path = f"/api/conversations/{conversation_id}"
        self.ids = ids

    async def messages(self, query: str) -> Any:
        return (await self.owner.get(f"{self.path}/messages?{query}")).data

    @classmethod
    async def made(cls, chat: Rig, owner: Browser) -> Branched:
        first = await chat.turn("Root", "A")
        conversation_id = first.conversation_id
        above = str((await database.read(Message.objects.get, run_id=first.run_id)).pk)
        await chat.turn("Left", "B", conversation_id=conversation_id, parent_id=above)
        await chat.turn("Right", "C", conversation_id=conversation_id, parent_id=above)
        found = await database.read(lambda: {each.text: str(each.pk) for each in Message.objects.all()})
        return cls(owner, conversation_id, found)


@pytest.fixture
async def branched(chat: Rig, owner: Browser) -> Branched:
    return await Branched.made(chat, owner)


async def test_the_shown_branch_comes_without_the_others_and_with_siblings(branched: Branched) -> None:
    page = await branched.messages("branch=active")

    ids = branched.ids
    assert texts(page) == ["C", "Right", "A", "Root"]
    assert [each["siblings"] for each in page["items"]] == [
        [ids["C"]], [ids["Left"], ids["Right"]], [ids["A"]], [ids["Root"]],
    ]  # fmt: skip
    assert (page["next"], page["previous"], page["leaf_id"]) == (None, None, ids["C"])


async def test_without_a_branch_all_messages_are_listed(branched: Branched) -> None:
    page = await branched.messages("")
    assert texts(page) == ["C", "Right", "B", "Left", "A", "Root"]
    assert set(page) == {"items", "next"}
    assert "siblings" not in page["items"][0]


async def test_cursors_stay_on_their_branch_when_another_is_shown(branched: Branched) -> None:
    first = await branched.messages("branch=active&limit=1")
    await branched.owner.ask("PATCH", branched.path, {"branch_id": branched.ids["Left"]})
    second = await branched.messages(f"branch=active&limit=2&cursor={first['next']}")
    third = await branched.messages(f"branch=active&limit=2&cursor={second['next']}")
    assert (texts(first), texts(second), texts(third)) == (["C"], ["Right", "A"], ["Root"])
    assert third["next"] is None
    back = await branched.messages(f"branch=active&limit=9&cursor={third['previous']}")
    assert (texts(back), back["previous"]) == (["C", "Right", "A"], None)
    assert texts(await branched.messages("branch=active&limit=1")) == ["B"]


async def test_a_page_around_a_message_is_on_its_branch(branched: Branched) -> None:
    shown = await branched.messages(f"branch=active&around={branched.ids['Right']}&limit=2")
    hidden = await branched.messages(f"around={branched.ids['Left']}")
    assert (texts(shown), shown["leaf_id"]) == (["C", "Right"], branched.ids["C"])
    assert (texts(hidden), hidden["leaf_id"]) == (["B", "Left", "A", "Root"], branched.ids["B"])
    older = await branched.messages(f"branch=active&cursor={shown['next']}")
    assert texts(older) == ["A", "Root"]


async def test_a_conversation_without_messages_has_an_empty_branch(chat: Rig, owner: Browser) -> None:
    made = await database.write(lambda: chat.alice.conversations.create(title="Empty"))
    page = (await owner.get(f"/api/conversations/{made.pk}/messages?branch=active")).data
    assert page == {"items": [], "next": None, "previous": None, "leaf_id": None}


NOBODYS = str(uuid.UUID(int=7))


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("branch=passive", 400),
        ("branch=active&limit=0", 400),
        ("branch=active&cursor=x", 400),
        (f"branch=active&cursor={forged('older', NOBODYS, NOBODYS)}", 400),
        (f"branch=active&cursor={forged('newer', NOBODYS, NOBODYS)}", 400),
        (f"branch=active&cursor={forged('beside', NOBODYS, NOBODYS)}", 400),
        (f"branch=active&cursor={forged('older', NOBODYS)}", 400),
        (f"branch=active&cursor={forged('older', 'x', 'y')}", 400),
        ("branch=active&cursor=%FF%00", 400),
        (f"around={NOBODYS}&cursor=x", 400),
        (f"around={NOBODYS}", 404),
        ("around=x", 404),
        ("around=%00", 404),
    ],
)
async def test_a_bad_page_of_a_branch_is_refused(branched: Branched, query: str, status: int) -> None:
    assert (await branched.owner.get(f"{branched.path}/messages?{query}")).status == status


async def test_a_message_of_another_conversation_is_not_found_here(chat: Rig, branched: Branched) -> None:
    other = await chat.turn("Other", "O")
    there = f"/api/conversations/{other.conversation_id}/messages"
    leaf, cursor = branched.ids["C"], (await branched.messages("branch=active&limit=1"))["next"]
    assert (await branched.owner.get(f"{there}?around={leaf}")).status == 404
    assert (await branched.owner.get(f"{there}?branch=active&cursor={cursor}")).status == 400
    changed = await branched.owner.ask("PATCH", f"/api/conversations/{other.conversation_id}", {"branch_id": leaf})
    assert changed.status == 404


async def test_a_branch_is_only_for_its_owner(branched: Branched, stranger: Browser, anonymous: Browser) -> None:
    for query in ("branch=active", f"around={branched.ids['A']}"):
        assert (await stranger.get(f"{branched.path}/messages?{query}")).status == 404
        assert (await anonymous.get(f"{branched.path}/messages?{query}")).status == 401


@pytest.mark.parametrize(("through", "leaf"), [("Left", "B"), ("B", "B"), ("Root", "C"), ("A", "C")])
async def test_a_branch_can_be_chosen_by_any_of_its_messages(branched: Branched, through: str, leaf: str) -> None:
    changed = await branched.owner.ask("PATCH", branched.path, {"branch_id": branched.ids[through]})
    assert changed.data["active_leaf_id"] == branched.ids[leaf]
    assert texts(await branched.messages("branch=active&limit=1")) == [leaf]
