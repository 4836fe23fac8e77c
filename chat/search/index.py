"""The full-text index, different for each database and created by migration 0006.

PostgreSQL has a generated column. In SQLite, triggers keep an FTS5 table up to date. So in both, the index is updated
in the same transaction as the row, whatever writes it.

Words of scripts without spaces are not indexed: for these, the texts themselves are searched.
"""

from __future__ import annotations

from typing import Any, Final

from django.db import connection
from django.db.models import BooleanField, QuerySet, Value
from django.db.models.expressions import RawSQL
from django.db.models.functions import Lower, StrIndex
from django.db.models.lookups import GreaterThan

from chat.search.words import Words

_SQLITE: Final = """
SELECT {owner} FROM chat_search_entry WHERE {owner} IS NOT NULL
AND id IN (SELECT rowid FROM chat_search WHERE chat_search MATCH %s)
"""


def with_words_in_text(messages: QuerySet[Any], words: Words) -> QuerySet[Any]:
    """The messages that contain the words. Pass the messages of one user only."""
    messages = _containing(messages, "text", words)
    if not words.spaced:
        return messages
    if connection.vendor == "postgresql":
        return _in_postgresql(messages, "chat_message", words)
    return messages.filter(pk__in=RawSQL(_SQLITE.format(owner="message_id"), [_fts5(words)]))  # noqa: S611


def with_words_in_title(conversations: QuerySet[Any], words: Words) -> QuerySet[Any]:
    """The conversations whose titles contain the words."""
    conversations = _containing(conversations, "title", words)
    if not words.spaced:
        return conversations
    if connection.vendor == "postgresql":
        return _in_postgresql(conversations, "chat_conversation", words)
    return conversations.filter(pk__in=RawSQL(_SQLITE.format(owner="conversation_id"), [_fts5(words)]))  # noqa: S611


def _containing(rows: QuerySet[Any], field: str, words: Words) -> QuerySet[Any]:
    """Uses the position of the word: LIKE `%word%` takes the product of both lengths in the worst case."""
    return rows.filter(*(GreaterThan(StrIndex(Lower(field), Lower(Value(word))), 0) for word in words.unspaced))


def _in_postgresql(rows: QuerySet[Any], table: str, words: Words) -> QuerySet[Any]:
    condition = f"\"{table}\".search_vector @@ to_tsquery('simple', %s)"
    return rows.filter(RawSQL(condition, [_tsquery(words)], output_field=BooleanField()))  # noqa: S611


def _tsquery(words: Words) -> str:
    """https://www.postgresql.org/docs/15/datatype-textsearch.html. Words contain no quotes or backslashes."""
    return " & ".join(
        f"'{word}'{':*' if begun else ''}" for word, begun in zip(words.spaced, words.begun, strict=True)
    )


def _fts5(words: Words) -> str:
    """https://www.sqlite.org/fts5.html, "Full-text Query Syntax". Words contain no quotes."""
    return " AND ".join(
        f'"{word}"{" *" if begun else ""}' for word, begun in zip(words.spaced, words.begun, strict=True)
    )
