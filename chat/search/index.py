"""The index: which rows hold the words. Each database has its own; what makes both is migration 0006.

PostgreSQL indexes an expression of the rows themselves. In SQLite triggers keep an FTS5 table in step. So on both,
what is indexed is written and removed in the same transaction as what it was made of, whoever writes.
"""

from __future__ import annotations

from typing import Any, Final

from django.db import connection
from django.db.models import BooleanField, QuerySet
from django.db.models.expressions import RawSQL

from chat.search.words import PUNCTUATION, Words

# PostgreSQL refuses a row whose words fill more than a megabyte; beyond this, a text is not searched.
INDEXED_CHARACTERS: Final = 100_000

_SQLITE: Final = """
SELECT {owner} FROM chat_search_entry WHERE {owner} IS NOT NULL
AND id IN (SELECT rowid FROM chat_search WHERE chat_search MATCH %s)
"""


def with_words_in_text(messages: QuerySet[Any], words: Words) -> QuerySet[Any]:
    """The messages that hold the words."""
    if connection.vendor == "postgresql":
        return _in_postgresql(messages, '"chat_message"."text"', words)
    return messages.filter(pk__in=RawSQL(_SQLITE.format(owner="message_id"), [_fts5(words)]))  # noqa: S611


def with_words_in_title(conversations: QuerySet[Any], words: Words) -> QuerySet[Any]:
    """The conversations that hold the words in their titles."""
    if connection.vendor == "postgresql":
        return _in_postgresql(conversations, '"chat_conversation"."title"', words)
    return conversations.filter(pk__in=RawSQL(_SQLITE.format(owner="conversation_id"), [_fts5(words)]))  # noqa: S611


def _in_postgresql(rows: QuerySet[Any], column: str, words: Words) -> QuerySet[Any]:
    # Letter by letter the expression of the migration, or the index is not used.
    blanks = " " * len(PUNCTUATION)
    quoted = PUNCTUATION.replace("'", "''").replace("%", "%%")
    vector = f"to_tsvector('simple', translate(left({column}, {INDEXED_CHARACTERS}), '{quoted}', '{blanks}'))"
    condition = f"{vector} @@ to_tsquery('simple', %s)"
    return rows.filter(RawSQL(condition, [_tsquery(words)], output_field=BooleanField()))  # noqa: S611


def _tsquery(words: Words) -> str:
    """https://www.postgresql.org/docs/15/datatype-textsearch.html. No word holds a quote or a backslash."""
    return " & ".join(f"'{word}'" for word in words.all) + ":*"


def _fts5(words: Words) -> str:
    """https://www.sqlite.org/fts5.html, "Full-text Query Syntax". No word holds a quote."""
    return " AND ".join(f'"{word}"' for word in words.all) + " *"
