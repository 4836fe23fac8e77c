"""Queries whose SQL is built once, for the few that every message needs.

Django rebuilds the SQL of a query set each time, which takes several times as long as SQLite needs to execute it.
"""

from __future__ import annotations

import copy
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, Generic, TypeVar, cast

from django.db import DEFAULT_DB_ALIAS, connections, models
from django.db.models.query import ModelIterable

M = TypeVar("M", bound=models.Model)

# Placeholders for arguments. No other value in a query may equal one.
AN_ID: Final = uuid.UUID("0f0f0f0f-5a5a-4a4a-8b8b-0f0f0f0f0f01")
ANOTHER_ID: Final = uuid.UUID("0f0f0f0f-5a5a-4a4a-8b8b-0f0f0f0f0f02")
A_NUMBER: Final = 1_823_746_501
A_TEXT: Final = "a text that stands for another"
A_MOMENT: Final = datetime(1970, 2, 3, 4, 5, 6, 7, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class _Built:
    """`places`: for each SQL parameter, the index of its argument, or None for a fixed value."""

    compiler: Any
    sql: str
    parameters: tuple[Any, ...]
    places: tuple[int | None, ...]


class Prepared(Generic[M]):
    """A parameterized query.

        by_slug = Prepared(lambda slug: Assistant.objects.filter(slug=slug), A_TEXT)
        by_slug.first("demo")

    On first use, `make` is called with the examples, and the SQL of its query set is kept. So the SQL must not depend
    on the arguments: these are UUIDs, numbers, texts or datetimes, each compared with a column of its type, never
    None. Examples must differ from every other value in the query. select_related and ordering work; annotations and
    prefetching do not.
    """

    def __init__(self, make: Callable[..., models.QuerySet[M]], *examples: uuid.UUID | int | str | datetime) -> None:
        self._make = make
        self._examples = examples
        self._built: _Built | None = None

    def all(self, *arguments: uuid.UUID | int | str | datetime) -> list[M]:
        return list(ModelIterable(cast("models.QuerySet[M]", _Asked(self._ready(), arguments))))

    def first(self, *arguments: uuid.UUID | int | str | datetime) -> M | None:
        """The first row, or None. The query should select at most one row."""
        return next(iter(self.all(*arguments)), None)

    def _ready(self) -> _Built:
        if self._built is None:
            # Two threads may do this at once, with the same result.
            self._built = self._build()
        return self._built

    def _build(self) -> _Built:
        compiler: Any = self._make(*self._examples).query.get_compiler(using=DEFAULT_DB_ALIAS)
        sql, parameters = compiler.as_sql()
        examples = [adapted(each) for each in self._examples]
        places = tuple(examples.index(each) if each in examples else None for each in parameters)
        if {*range(len(examples))} - {*places}:
            raise ValueError(f"An argument is not used in the query: {sql}")
        return _Built(compiler, sql, tuple(parameters), places)


class _Asked:
    """The part of a query set that Django's ModelIterable needs, with the arguments in place of the examples."""

    def __init__(self, built: _Built, arguments: tuple[uuid.UUID | int | str | datetime, ...]) -> None:
        self.db = DEFAULT_DB_ALIAS
        self.query = self
        self._known_related_objects: dict[Any, Any] = {}
        self._built = built
        self._arguments = [adapted(each) for each in arguments]

    def get_compiler(self, using: str) -> Any:
        built = self._built
        parameters = tuple(
            fixed if place is None else self._arguments[place]
            for fixed, place in zip(built.parameters, built.places, strict=True)
        )
        compiler = copy.copy(built.compiler)
        # Built with the connection of another thread.
        compiler.connection = connections[using]
        compiler.as_sql = lambda: (built.sql, parameters)
        return compiler


def adapted(value: uuid.UUID | int | str | datetime) -> Any:
    """The value as a model field of its type passes it to the database."""
    connection = connections[DEFAULT_DB_ALIAS]
    if isinstance(value, uuid.UUID):
        return value if connection.features.has_native_uuid_field else value.hex
    if isinstance(value, datetime):
        return connection.ops.adapt_datetimefield_value(value)
    return value
