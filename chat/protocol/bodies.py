"""Validates request data against a type of this package, with our own error messages."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from typing import Any, Final, TypeVar, get_type_hints

import msgspec

from chat.protocol.errors import ApiError

T = TypeVar("T")

# "Expected `str | null`, got `int` - at `$.text`"; also `$.items[...]` for what is inside a list.
_MISTAKE: Final = re.compile(r"Expected `(?P<type>[^`]+)`.*? at `\$\.(?P<field>\w+)")
_NOUNS: Final = {
    "string": "a string",
    "boolean": "true or false",
    "integer": "a whole number",
    "number": "a number",
    "array": "a list",
    "object": "an object",
}


def read(data: Mapping[str, Any], kind: type[T]) -> T:
    """The data as the TypedDict `kind`. Unknown fields are dropped; missing fields get no default.

    Raises ApiError bad_request, whose message names the field.
    """
    try:
        return msgspec.convert(data, kind)
    except msgspec.ValidationError as error:
        raise ApiError("bad_request", _sentence(str(error), kind)) from error


@cache
def names(kind: Any) -> tuple[str, ...]:
    """The fields of a TypedDict, in the order of their definition."""
    return tuple(get_type_hints(kind))


def _sentence(mistake: str, kind: Any) -> str:
    found = _MISTAKE.search(mistake)
    if found is None:
        return "A field has the wrong type."
    return f"{found['field']} must be {_nouns(kind).get(found['field'], 'something else')}."


@cache
def _nouns(kind: Any) -> dict[str, str]:
    """What each field must be, in words."""
    _, schemas = msgspec.json.schema_components([kind])
    return {name: _noun(schema) for name, schema in schemas[kind.__name__]["properties"].items()}


def _noun(schema: Mapping[str, Any]) -> str:
    forms = [each for each in schema.get("anyOf", [schema]) if each.get("type") != "null"]
    form = forms[0]
    if form.get("format") == "uuid":
        return "a UUID"
    if form.get("type") == "array":
        return f"a list of {_noun(form['items']).removeprefix('a ')}s"
    return _NOUNS.get(form.get("type", ""), "something else")
