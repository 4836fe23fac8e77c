"""SQL statements that are built once, for the few queries that every message needs.

Django rebuilds the SQL of a query set each time, which takes several times as long as SQLite needs to execute it.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, Generic, TypeVar

from django.db import DEFAULT_DB_ALIAS, connections, models
from django.db.models.query import get_related_populators

M = TypeVar("M", bound=models.Model)

# Placeholders for arguments. No other value in a query may equal one.
AN_ID: Final = uuid.UUID("0f0f0f0f-5a5a-4a4a-8b8b-0f0f0f0f0f01")
ANOTHER_ID: Final = uuid.UUID("0f0f0f0f-5a5a-4a4a-8b8b-0f0f0f0f0f02")
A_NUMBER: Final = 1_823_746_501
A_TEXT: Final = "a text that stands for another"
A_MOMENT: Final = datetime(1970, 2, 3, 4, 5, 6, 7, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class _Built(Generic[M]):
    """`places`: for each SQL parameter the index of its argument, or None for a fixed value.

    The rest turns rows into objects, as Django's ModelIterable does. `columns` and `names`: the columns of the model
    itself. `converters`: those of the columns that need some.
    """

    sql: str
    parameters: tuple[Any, ...]
    places: tuple[int | None, ...]
    model: type[M]
    columns: slice
    names: Sequence[str]
    converters: Sequence[tuple[int, Sequence[Callable[..., Any]], Any]]
    related: Sequence[Any]

    def made(self, found: Sequence[Any], connection: Any) -> M:
        row = list(found)
        for column, converters, expression in self.converters:
            for convert in converters:
                row[column] = convert(row[column], expression, connection)
        made: M = self.model.from_db(DEFAULT_DB_ALIAS, self.names, row[self.columns])
        for each in self.related:
            each.populate(row, made)
        return made


class Prepared(Generic[M]):
    """A parameterized query.

        by_slug = Prepared(lambda slug: Assistant.objects.filter(slug=slug), A_TEXT)
        by_slug.first("demo")

    On first use, `make` is called with the examples, and the SQL of its query set is kept. So the SQL must not depend
    on the arguments, which are UUIDs, numbers, texts or datetimes, each compared with a column of its type, and never
    None. Examples must differ from every other value in the query. Supports select_related and ordering, but not
    annotations or prefetching.
    """

    def __init__(self, make: Callable[..., models.QuerySet[M]], *examples: uuid.UUID | int | str | datetime) -> None:
        self._make = make
        self._examples = examples
        self._built: _Built[M] | None = None

    def all(self, *arguments: uuid.UUID | int | str | datetime) -> list[M]:
        built = self._ready()
        given = [adapted(each) for each in arguments]
        parameters = [
            fixed if place is None else given[place]
            for fixed, place in zip(built.parameters, built.places, strict=True)
        ]
        connection = connections[DEFAULT_DB_ALIAS]
        with connection.cursor() as cursor:
            cursor.execute(built.sql, parameters)
            return [built.made(row, connection) for row in cursor.fetchall()]

    def first(self, *arguments: uuid.UUID | int | str | datetime) -> M | None:
        """The first row, or None. The query should select at most one row."""
        return next(iter(self.all(*arguments)), None)

    def _ready(self) -> _Built[M]:
        if self._built is None:
            # Two threads may build it at once, with the same result.
            self._built = self._build()
        return self._built

    def _build(self) -> _Built[M]:
        compiler: Any = self._make(*self._examples).query.get_compiler(using=DEFAULT_DB_ALIAS)
        sql, parameters = compiler.as_sql()
        examples = [adapted(each) for each in self._examples]
        places = tuple(examples.index(each) if each in examples else None for each in parameters)
        if {*range(len(examples))} - {*places}:
            raise ValueError(f"An argument is not used in the query: {sql}")
        select, of_model = compiler.select, compiler.klass_info
        columns = slice(of_model["select_fields"][0], of_model["select_fields"][-1] + 1)
        return _Built(
            sql=sql,
            parameters=tuple(parameters),
            places=places,
            model=of_model["model"],
            columns=columns,
            names=[column.target.attname for column, *_ in select[columns]],
            converters=[
                (column, *found) for column, found in compiler.get_converters([each for each, *_ in select]).items()
            ],
            # The type stubs are for a later Django.
            related=get_related_populators(of_model, select, DEFAULT_DB_ALIAS),  # type: ignore[call-arg]
        )


class Insertion(Generic[M]):
    """An INSERT of complete rows whose primary keys are already set. Like `bulk_create`, it sends no signals.

    `unless_there`: skip rows whose primary key already exists.
    """

    def __init__(self, model: type[M], *, unless_there: bool = False) -> None:
        self._fields = model._meta.concrete_fields
        quoted = ", ".join(f'"{field.column}"' for field in self._fields)
        self._row = f"({', '.join(['%s'] * len(self._fields))})"
        self._begin = f'INSERT INTO "{model._meta.db_table}" ({quoted}) VALUES '  # noqa: S608  (our own names)
        self._end = f' ON CONFLICT ("{model._meta.pk.column}") DO NOTHING' if unless_there else ""

    def make(self, *rows: M) -> int:
        """Insert the rows. Returns how many were inserted."""
        connection = connections[DEFAULT_DB_ALIAS]
        values = [
            field.get_db_prep_save(getattr(row, field.attname), connection) for row in rows for field in self._fields
        ]
        with connection.cursor() as cursor:
            cursor.execute(self._begin + ", ".join([self._row] * len(rows)) + self._end, values)
            count = int(cursor.rowcount)
        for row in rows:
            row._state.adding, row._state.db = False, DEFAULT_DB_ALIAS
        return count


def adapted(value: uuid.UUID | int | str | datetime) -> Any:
    """The value as a model field of its type passes it to the database."""
    connection = connections[DEFAULT_DB_ALIAS]
    if isinstance(value, uuid.UUID):
        return value if connection.features.has_native_uuid_field else value.hex
    if isinstance(value, datetime):
        return connection.ops.adapt_datetimefield_value(value)
    return value
