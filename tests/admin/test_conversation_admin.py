from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.admin.models import CHANGE, DELETION, LogEntry
from django.contrib.auth.models import Permission
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from chat.admin.conversation import CHARACTERS_PER_MESSAGE, MESSAGES_PER_PAGE
from chat.models import Conversation, Message, User
from tests.cast import add_turn, make_conversation, make_staff, make_user, sign_in

SignIn = Callable[[User], Client]
LIST = "/admin/chat/conversation/"


def page(conversation: Conversation, view: str = "change") -> str:
    return f"{LIST}{conversation.pk}/{view}/"


@pytest.fixture
def moderator(db: None) -> User:
    """Staff who may see conversations, but not those of others."""
    return staff("view_conversation", "delete_conversation")


@pytest.fixture
def auditor(db: None) -> User:
    return staff("view_conversation", "read_any_conversation")


def staff(*permissions: str) -> User:
    name = f"staff-{len(permissions)}-{permissions[-1]}"
    return make_staff(name, Permission.objects.filter(codename__in=permissions))


# --- Reading


def test_an_auditor_reads_the_transcript(signed_in: SignIn, auditor: User, conversation: Conversation) -> None:
    response = signed_in(auditor).get(page(conversation))

    text = response.content.decode()
    assert response.status_code == 200
    assert text.index("What is a heron?") < text.rindex("A long-legged bird.")
    for shown in ("User", "Assistant", "demo", "12 input tokens", "34 output tokens"):
        assert shown in text


def test_reading_conversations_of_others_is_logged(
    signed_in: SignIn, auditor: User, conversation: Conversation, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, "chat.audit"):
        signed_in(auditor).get(page(conversation))
        signed_in(auditor).get(page(conversation))

    entries = LogEntry.objects.all()
    assert [(entry.user, entry.object_id, entry.action_flag) for entry in entries] == [
        (auditor, str(conversation.pk), CHANGE)
    ] * 2
    lines = [record.getMessage() for record in caplog.records if record.name == "chat.audit"]
    line = f"audit: user {auditor.pk}, conversation {conversation.pk} of user {conversation.owner_id}: Viewed."
    assert lines == [line] * 2


def test_the_log_does_not_contain_message_text(
    signed_in: SignIn, admin: User, conversation: Conversation, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, "chat.audit"):
        client = signed_in(admin)
        client.get(page(conversation))
        client.post(page(conversation, "delete"), {"post": "yes"})

    recorded = [f"{entry.object_repr} {entry.change_message}" for entry in LogEntry.objects.all()]
    assert len(recorded) == 2
    assert "heron" not in " ".join(recorded) + caplog.text


def test_reads_by_a_superuser_are_logged_too(signed_in: SignIn, admin: User, conversation: Conversation) -> None:
    assert signed_in(admin).get(page(conversation)).status_code == 200

    assert LogEntry.objects.get().user == admin


def test_reading_own_conversations_is_not_logged(signed_in: SignIn, admin: User) -> None:
    mine = make_conversation(admin, "Mine?", "Mine.")

    assert signed_in(admin).get(page(mine)).status_code == 200

    assert not LogEntry.objects.exists()


def test_staff_without_the_permission_see_only_their_own(
    signed_in: SignIn, moderator: User, conversation: Conversation
) -> None:
    mine = make_conversation(moderator, "Mine?", "Mine.")
    client = signed_in(moderator)

    listed = client.get(LIST).content.decode()
    assert str(mine.pk) in listed
    assert str(conversation.pk) not in listed
    assert "heron" not in listed
    assert client.get(page(mine)).status_code == 200


@pytest.mark.parametrize("view", ["change", "delete", "history"])
def test_for_them_conversations_of_others_do_not_exist(
    signed_in: SignIn, moderator: User, conversation: Conversation, view: str
) -> None:
    client = signed_in(moderator)

    for response in (client.get(page(conversation, view)), client.post(page(conversation, view), {"post": "yes"})):
        assert response.status_code in {302, 403}
        assert b"heron" not in response.content
    assert Conversation.objects.filter(pk=conversation.pk).exists()
    assert not LogEntry.objects.exists()


def test_the_permission_alone_is_not_enough(signed_in: SignIn, conversation: Conversation) -> None:
    reader = staff("read_any_conversation")

    assert signed_in(reader).get(page(conversation)).status_code == 403
    assert not LogEntry.objects.exists()


def test_charlie_does_not_get_in(signed_in: SignIn, charlie: User, conversation: Conversation) -> None:
    charlie.user_permissions.set(Permission.objects.all())

    for address in (LIST, page(conversation), page(conversation, "history")):
        response = signed_in(charlie).get(address)
        assert response.status_code in {302, 403}
        assert b"heron" not in response.content


def test_anonymous_users_are_redirected_to_the_sites_login(client: Client, conversation: Conversation) -> None:
    response = client.get(page(conversation), follow=True)

    assert response.redirect_chain[-1][0].startswith("/accounts/login/?next=")


def test_deleted_conversations_are_not_shown(signed_in: SignIn, admin: User, conversation: Conversation) -> None:
    conversation.delete_softly()
    client = signed_in(admin)

    assert "heron" not in client.get(LIST).content.decode()
    assert client.get(page(conversation)).status_code == 302


@pytest.mark.parametrize("bad", ["0", "x", "0198f2a4-5d3b-7c11-9a52-6f1f3a9be000", "_5F_", "%00"])
def test_a_bad_id_causes_no_server_error(signed_in: SignIn, admin: User, bad: str) -> None:
    assert signed_in(admin).get(f"{LIST}{bad}/change/").status_code in {302, 404}


# --- What is shown

HOSTILE = '</div><script>__x=1</script><img src=x onerror="__x=1">'


@pytest.mark.parametrize("view", ["change", "delete", "history"])
def test_hostile_text_is_escaped(signed_in: SignIn, admin: User, view: str) -> None:
    mallory = make_user("mallory")
    User.objects.filter(pk=mallory.pk).update(username=HOSTILE)
    hostile = make_conversation(mallory, HOSTILE, HOSTILE, title=HOSTILE[:120])

    client = signed_in(admin)

    for address in (LIST, page(hostile, view), f"{LIST}?q=<script>__x=1</script>"):
        content = client.get(address).content.decode()
        assert "<script>__x" not in content
        assert 'onerror="__x' not in content


def test_all_branches_are_shown_and_marked(signed_in: SignIn, admin: User, conversation: Conversation) -> None:
    first = conversation.active_leaf
    add_turn(conversation, "Left?", "Left.", parent=first)
    add_turn(conversation, "Right?", "Right.", parent=first)

    content = signed_in(admin).get(page(conversation)).content.decode()

    assert [text in content for text in ("Left?", "Left.", "Right?", "Right.")] == [True] * 4
    assert content.count("on another branch") == 2


def test_a_long_conversation_is_shown_in_pages(signed_in: SignIn, admin: User, alice: User) -> None:
    long = Conversation.objects.create(owner=alice, title="long")
    Message.objects.bulk_create(
        Message(conversation=long, owner=alice, role="user", text=f"number {number}.")
        for number in range(MESSAGES_PER_PAGE + 1)
    )
    client = signed_in(admin)

    pages = [client.get(f"{page(long)}?page={number}").content.decode() for number in ("1", "2", "99", "x")]

    assert [content.count('class="transcript__text"') for content in pages] == [MESSAGES_PER_PAGE, 1, 1, 100]


def test_long_messages_are_truncated_and_can_be_opened_in_full(signed_in: SignIn, admin: User, alice: User) -> None:
    long, at_end = f"begun {'é ' * CHARACTERS_PER_MESSAGE}", "and the very end"
    conversation = make_conversation(alice, long, f"{long}{at_end}", title="Long")
    client, asked, answer = signed_in(admin), page(conversation), conversation.active_leaf

    with CaptureQueriesContext(connection) as queries:
        content = client.get(asked).content.decode()

    assert content.count("begun ") == 2
    assert at_end not in content
    assert content.count("Whole message") == 2
    assert content.count("é") <= CHARACTERS_PER_MESSAGE
    # Nor were more of them fetched from the database.
    assert not [each["sql"] for each in queries if ' "chat_message"."text"' in each["sql"]]
    assert f"?whole={answer.pk}" in content
    whole = client.get(f"{asked}?whole={answer.pk}").content.decode()
    assert at_end in whole
    assert whole.count('class="transcript__text"') == 1
    assert "Whole message" not in whole


@pytest.mark.parametrize("wanted", ["x", "%00", "", "0198f2a4-5d3b-4c11-9a52-6f1f3a9be000", "another conversation's"])
def test_nothing_else_can_be_opened_in_full(
    signed_in: SignIn, admin: User, alice: User, conversation: Conversation, wanted: str
) -> None:
    if wanted == "another conversation's":
        wanted = str(make_conversation(alice, "Elsewhere?", "Elsewhere.").active_leaf_id)

    response = signed_in(admin).get(f"{page(conversation)}?whole={wanted}")

    assert response.status_code == 200
    assert 'class="transcript__text"' not in response.content.decode()


def test_the_list_has_a_constant_number_of_queries(
    signed_in: SignIn, admin: User, alice: User, django_assert_max_num_queries: Any
) -> None:
    for number in range(20):
        make_conversation(alice, f"Question {number}?", "Yes.")
    client = signed_in(admin)
    client.get(LIST)

    with django_assert_max_num_queries(12):
        assert client.get(LIST).content.decode().count("Question") >= 20


# --- Searching


@pytest.mark.parametrize(
    ("term", "found"),
    [("alice", True), ("alice@example", True), ("bob", False), ("heron", False), ("0198f2a4", False), ("'%_", False)],
)
def test_a_conversation_is_found_by_its_owner(
    signed_in: SignIn, admin: User, conversation: Conversation, term: str, found: bool
) -> None:
    content = signed_in(admin).get(LIST, {"q": term}).content.decode()

    assert (page(conversation) in content) is found


def test_a_conversation_is_found_by_its_id(signed_in: SignIn, admin: User, conversation: Conversation) -> None:
    other = make_conversation(conversation.owner, "Other?", "Other.")

    content = signed_in(admin).get(LIST, {"q": f" {conversation.pk} "}).content.decode()

    assert page(conversation) in content
    assert page(other) not in content


def test_an_id_does_not_find_conversations_of_others(
    signed_in: SignIn, moderator: User, conversation: Conversation
) -> None:
    assert page(conversation) not in signed_in(moderator).get(LIST, {"q": str(conversation.pk)}).content.decode()


# --- Writing


def test_conversations_are_read_only(signed_in: SignIn, admin: User, conversation: Conversation) -> None:
    client = signed_in(admin)

    assert client.get(f"{LIST}add/").status_code == 403
    assert client.post(page(conversation), {"title": "changed"}).status_code == 403
    assert client.get("/admin/chat/message/").status_code == 404

    conversation.refresh_from_db()
    assert conversation.title == "What is a heron?"


def test_deleting_needs_its_permission(signed_in: SignIn, auditor: User, conversation: Conversation) -> None:
    client = signed_in(auditor)

    assert client.post(page(conversation, "delete"), {"post": "yes"}).status_code == 403
    client.post(LIST, {"action": "delete_selected", "_selected_action": [conversation.pk], "post": "yes"})

    assert Conversation.objects.exists()


def test_deleting_removes_the_messages_and_is_logged(
    signed_in: SignIn, admin: User, conversation: Conversation
) -> None:
    response = signed_in(admin).post(page(conversation, "delete"), {"post": "yes"})

    assert response.status_code == 302
    assert not Conversation.objects.exists()
    assert not Message.objects.exists()
    entry = LogEntry.objects.get()
    assert (entry.object_id, entry.action_flag) == (str(conversation.pk), DELETION)


def test_several_conversations_are_deleted_at_once(signed_in: SignIn, admin: User, conversation: Conversation) -> None:
    other = make_conversation(conversation.owner, "Other?", "Other.")
    chosen = {"action": "delete_selected", "_selected_action": [conversation.pk, other.pk], "post": "yes"}

    signed_in(admin).post(LIST, chosen)

    assert not Conversation.objects.exists()
    assert LogEntry.objects.filter(action_flag=DELETION).count() == 2


def test_a_forged_deletion_is_refused(admin: User, conversation: Conversation) -> None:
    client = sign_in(admin, Client(enforce_csrf_checks=True))

    assert client.post(page(conversation, "delete"), {"post": "yes"}).status_code == 403
    assert Conversation.objects.exists()
