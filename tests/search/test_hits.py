"""These tests are for both databases: run them with `python -m tests.postgres`, too."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.utils import timezone

from chat.models import Conversation, Message, User
from chat.search import hits
from chat.search.index import with_words_in_text, with_words_in_title
from chat.search.words import Words
from tests.cast import add_turn, make_conversation
from tests.models.test_turn import turn


def found(owner: User, text: str, limit: int = 100) -> list[str]:
    """The texts of the messages found, and `title: …` for each title, newest first."""
    return [
        hit.message.text if hit.message else f"title: {hit.conversation.title}"
        for hit in hits.find(owner, Words.parse(text), after=None, limit=limit)
    ]


@pytest.fixture
def herons(alice: User) -> Conversation:
    return make_conversation(alice, "What does a grey heron eat?", "Fish, frogs, voles.", title="Waders")


def test_words_are_found_in_messages_and_titles(alice: User, herons: Conversation) -> None:
    assert found(alice, "heron") == ["What does a grey heron eat?"]
    assert found(alice, "frogs") == ["Fish, frogs, voles."]
    assert found(alice, "waders") == ["title: Waders"]
    assert found(alice, "crane") == []


def test_all_words_must_match_and_the_last_as_a_prefix(alice: User, herons: Conversation) -> None:
    assert found(alice, "heron grey") == ["What does a grey heron eat?"]
    assert found(alice, "grey her") == ["What does a grey heron eat?"]
    assert found(alice, "her grey") == []
    assert found(alice, "grey frogs") == []
    assert found(alice, "eron") == []


def test_a_very_long_word_is_found_at_any_position_in_the_query(alice: User) -> None:
    """Only its first hundred characters count."""
    long, other = "k" * 130, "q" * 130
    make_conversation(alice, f"the key {long} and {other}", "Yes.", title="Keys")
    for query in (long, f"{long} and", f"{long} {other}", f"{other} {long} key", f"{'k' * 101} the"):
        assert found(alice, query) == [f"the key {long} and {other}"], query
    # A word that is not cut must match a whole word.
    assert found(alice, f"{'k' * 100} the") == []
    assert found(alice, f"{'k' * 99}m{'k' * 30} the") == []


@pytest.mark.parametrize(
    ("text", "query"),
    [
        ("see https://example.org/birds/heron.html", "birds heron"),
        ("mail heron@example.org", "heron"),
        ("pi is 3.14159", "14159"),
        ("snake_case_name", "case name"),
        ("don't", "don t"),
        ("C:\\Users\\heron", "users her"),
        ("„Reiher“ – große Vögel", "reiher GROSSE".replace("SS", "ß")),
        ("Vögel", "vög"),
        ("l'été à Paris", "été"),
        ("鷺は鳥です", "鷺は"),
        ("10% & 'quoted' | x", "10 quoted"),
        ("half \ufffd of it", "half"),
    ],
)
def test_words_are_found_despite_punctuation_and_other_scripts(alice: User, text: str, query: str) -> None:
    make_conversation(alice, text, "", title="-")

    assert found(alice, query) == [text]


@pytest.mark.parametrize(
    ("text", "query"),
    [
        ("我昨天在北京看到了一只苍鹭", "北京"),
        ("我昨天在北京看到了一只苍鹭", "苍鹭 北京"),
        ("東京タワーから鷺が見えた", "タワー"),
        ("東京タワーから鷺が見えた", "鷺"),
        ("นกกระสาสีเทากินปลา", "สีเทา"),
        ("Djangoの入門ガイド", "入門"),
        ("Djangoの入門ガイド", "djangoの入門"),
        ("A heron in Japanese: 青鷺といいます", "heron 鷺"),
        ("A heron in Japanese: 青鷺といいます", "鷺 hero"),
    ],
)
def test_scripts_without_spaces_are_matched_inside_words(alice: User, text: str, query: str) -> None:
    make_conversation(alice, text, "", title=text)

    assert sorted(found(alice, query)) == sorted([text, f"title: {text}"])
    assert found(alice, f"{query} 虎") == []
    assert found(alice, f"crane {query}") == []


@pytest.mark.parametrize(
    "query",
    [
        "'", '"', '"heron', "heron'", "heron*", "* heron", "heron AND", "NOT heron", "heron OR", "(heron", "heron)",
        "NEAR(heron)", "text:heron", "heron:*", "heron & | !", "heron <-> x", "'; DROP TABLE chat_message; --", "\\",
        "%s %(x)s {0}", "heron\0", "\0", "😀", "heron 😀", "\ud800", "-", "--", "^heron", "{heron", "heron" * 2000,
        "heron " * 2000, "é" * 5000, '"' * 10_000, "heron\u202e", "\u0301",
    ],
)  # fmt: skip
def test_no_input_breaks_the_query(alice: User, herons: Conversation, query: str) -> None:
    assert set(found(alice, query)) <= {"What does a grey heron eat?"}
    assert Message.objects.count() == 2


def test_only_own_messages_are_found(alice: User, charlie: User, herons: Conversation) -> None:
    make_conversation(charlie, "My heron", "Yours?", title="Heron of charlie")

    assert found(alice, "heron") == ["What does a grey heron eat?"]
    assert found(charlie, "heron") == ["My heron", "title: Heron of charlie"]


def test_deleted_conversations_are_not_found_until_restored(alice: User, herons: Conversation) -> None:
    herons.delete_softly()
    assert found(alice, "heron") == found(alice, "waders") == []

    herons.restore()
    assert found(alice, "heron") == ["What does a grey heron eat?"]


def test_archived_conversations_are_found(alice: User, herons: Conversation) -> None:
    Conversation.objects.update(is_archived=True)

    assert len(found(alice, "heron")) == len(found(alice, "waders")) == 1


def test_a_renamed_conversation_is_found_by_its_new_title_only(alice: User, herons: Conversation) -> None:
    herons.title = "Birds of the shore"
    herons.save(update_fields=["title"])
    assert (found(alice, "waders"), found(alice, "shore")) == ([], ["title: Birds of the shore"])

    Conversation.objects.update(title="Fishers")
    assert (found(alice, "shore"), found(alice, "fishers")) == ([], ["title: Fishers"])


def test_a_saved_turn_is_found_and_a_rolled_back_one_is_not(alice: User) -> None:
    turn(alice, user_text="What is a shoebill?", text="A stork.", title="Shoebills").save()
    assert found(alice, "shoebill") == ["title: Shoebills", "What is a shoebill?"]

    with transaction.atomic():
        turn(alice, user_text="What is an ibis?").save()
        assert found(alice, "ibis") == ["What is an ibis?"]
        transaction.set_rollback(True)
    assert found(alice, "ibis") == []


def test_purged_conversations_leave_nothing_in_the_index(alice: User, herons: Conversation) -> None:
    other = make_conversation(alice, "And cranes?", "Also.")
    herons.delete()
    assert found(alice, "heron") == []
    assert found(alice, "cranes") == ["And cranes?", "title: And cranes?"]

    alice.delete()
    assert not Conversation.objects.filter(pk=other.pk).exists()
    if connection.vendor == "sqlite":
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM chat_search_entry")
            assert cursor.fetchone() == (0,)
            cursor.execute("SELECT count(*) FROM chat_search WHERE chat_search MATCH 'a* OR h* OR f*'")
            assert cursor.fetchone() == (0,)
            # Raises if the index does not match its rows.
            cursor.execute("INSERT INTO chat_search (chat_search) VALUES ('integrity-check')")


def test_only_the_beginning_of_a_huge_text_is_indexed(alice: User) -> None:
    """PostgreSQL refuses rows with more than a megabyte of words."""
    words = " ".join(f"w{number:x}ö" for number in range(150_000))

    turn(alice, user_text="first", text=f"gannet {words}").save()

    assert found(alice, "gannet")[0].startswith("gannet w0ö")


def test_pages_have_no_gaps(alice: User) -> None:
    now = timezone.now()
    for number in range(7):
        conversation = make_conversation(alice, f"Heron {number}", "", title=f"About heron {number}")
        moment = now + timedelta(seconds=number // 3)
        conversation.messages.update(created_at=moment)
        Conversation.objects.filter(pk=conversation.pk).update(updated_at=moment)
    words, after, seen = Words.parse("heron"), None, []
    while page := hits.find(alice, words, after=after, limit=3):
        seen += page
        after = page[-1].place

    assert len(seen) == len({hit.place for hit in seen}) == 14
    assert [hit.moment for hit in seen] == sorted((hit.moment for hit in seen), reverse=True)


def test_a_second_answer_is_found_beside_the_first(alice: User, herons: Conversation) -> None:
    add_turn(herons, "Anything else?", "Voles again.")

    assert found(alice, "voles") == ["Voles again.", "Fish, frogs, voles."]


def test_the_index_is_used(alice: User) -> None:
    words = Words.parse("grey her")
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL enable_seqscan = off")
    searches = [
        with_words_in_text(Message.objects.order_by(), words),
        with_words_in_title(Conversation.objects.order_by(), words),
    ]
    plans = [rows.explain() for rows in searches]
    names = ("message_search", "conversation_search") if connection.vendor == "postgresql" else ("VIRTUAL TABLE",) * 2
    assert all(name in plan for name, plan in zip(names, plans, strict=True)), plans


def test_the_index_triggers_survive_every_migration(db: None) -> None:
    """SQLite loses its triggers when a migration changes their table: see migration 0006."""
    of = ("message", "conversation")
    if connection.vendor == "postgresql":
        query = "SELECT indexname FROM pg_indexes WHERE indexname LIKE '%search'"
        expected = {f"{each}_search" for each in of}
    else:
        query = "SELECT name FROM sqlite_master WHERE type = 'trigger' AND name LIKE '%search%'"
        expected = {f"{each}_search_{on}" for each in of for on in ("insert", "update", "delete")}
    with connection.cursor() as cursor:
        cursor.execute(query)
        assert {name for (name,) in cursor.fetchall()} == expected
