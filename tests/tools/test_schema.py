"""A tool's parameters as a JSON schema."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, Literal, Optional, TypedDict

import jsonschema
import msgspec
import pytest

from chat.tools.base import Context, ToolFailed
from chat.tools.docstrings import Docstring
from chat.tools.schema import Parameters, Unusable, parameters_of
from tests.tools.calling import made


class Place(TypedDict):
    city: str
    title: Annotated[str, msgspec.Meta(description="Of the place.")]


@dataclass
class Box:
    width: int
    inner: Place | None = None


class Dog(msgspec.Struct, tag="dog"):
    name: str


class Cat(msgspec.Struct, tag="cat"):
    lives: int = 9


class Tree(msgspec.Struct):
    children: list[Tree] = []


async def everything(
    text: str,
    count: int,
    share: float,
    is_new: bool,
    names: list[str],
    by_name: dict[str, int],
    unit: Literal["C", "F"],
    maybe: Optional[str],  # noqa: UP045
    place: Place,
    box: Box,
    pet: Dog | Cat,
    described: Annotated[int, "How many."],
    limited: Annotated[int, msgspec.Meta(ge=1, le=5), "From 1 to 5."],
    documented: str,
    context: Context,
    limit: int = 10,
    note: str | None = None,
) -> None:
    """Takes everything.

    Args:
        documented: From the docstring,
            in two lines.
        limit (int, optional): The most.
        described: Not this.
    """


ARGUMENTS: dict[str, Any] = {
    "text": "a",
    "count": 1,
    "share": 0.5,
    "is_new": True,
    "names": ["a"],
    "by_name": {"a": 1},
    "unit": "C",
    "maybe": None,
    "place": {"city": "Bern", "title": "Capital"},
    "box": {"width": 1},
    "pet": {"type": "cat"},
    "described": 1,
    "limited": 5,
    "documented": "",
}


def parameters(function: Callable[..., Any]) -> Parameters:
    return parameters_of(function, Docstring.parse(function.__doc__))


def test_every_kind_of_parameter_has_a_schema() -> None:
    schema = parameters(everything).schema
    assert schema["type"] == "object"
    assert schema["additionalProperties"] is False
    assert schema["required"] == list(ARGUMENTS)
    place = {
        "type": "object",
        "properties": {"city": {"type": "string"}, "title": {"type": "string", "description": "Of the place."}},
        "required": ["city", "title"],
    }
    expected = {
        "text": {"type": "string"},
        "count": {"type": "integer"},
        "share": {"type": "number"},
        "is_new": {"type": "boolean"},
        "names": {"type": "array", "items": {"type": "string"}},
        "by_name": {"type": "object", "additionalProperties": {"type": "integer"}},
        "unit": {"enum": ["C", "F"]},
        "maybe": {"anyOf": [{"type": "string"}, {"type": "null"}]},
        "place": place,
        "box": {
            "type": "object",
            "properties": {
                "width": {"type": "integer"},
                "inner": {"anyOf": [place, {"type": "null"}], "default": None},
            },
            "required": ["width"],
        },
        "pet": {
            "anyOf": [
                {
                    "type": "object",
                    "properties": {"type": {"enum": ["dog"]}, "name": {"type": "string"}},
                    "required": ["type", "name"],
                },
                {
                    "type": "object",
                    "properties": {"type": {"enum": ["cat"]}, "lives": {"type": "integer", "default": 9}},
                    "required": ["type"],
                },
            ]
        },
        "described": {"type": "integer", "description": "How many."},
        "limited": {"type": "integer", "minimum": 1, "maximum": 5, "description": "From 1 to 5."},
        "documented": {"type": "string", "description": "From the docstring, in two lines."},
        "limit": {"type": "integer", "default": 10, "description": "The most."},
        "note": {"anyOf": [{"type": "string"}, {"type": "null"}], "default": None},
    }
    for name, each in expected.items():
        assert schema["properties"][name] == each, name
    assert set(schema["properties"]) == set(expected)  # no `context`


def test_the_schema_is_valid_and_has_no_references() -> None:
    schema = parameters(everything).schema
    jsonschema.Draft202012Validator.check_schema(schema)
    assert "$" not in json.dumps(schema)
    jsonschema.validate(ARGUMENTS, schema)


def test_arguments_are_converted() -> None:
    read = parameters(everything).read(ARGUMENTS)
    assert read.given == ARGUMENTS
    assert read.values["box"] == Box(1)
    assert read.values["pet"] == Cat()
    assert read.values["limit"] == 10
    assert read.values["note"] is None


def test_a_function_without_parameters_takes_an_empty_object() -> None:
    async def nothing(context: Context) -> None:
        """Nothing."""

    found = parameters(nothing)
    assert found.schema["type"] == "object"
    assert found.schema["properties"] == {}
    assert found.context == "context"
    assert found.read({}).values == {}


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"count": "many"}, r"got `str` - at `\$\.count`. `count` must match {\"type\":\"integer\"}"),
        ({"unit": "K"}, r"`unit` must match {\"enum\":\[\"C\",\"F\"\]}"),
        ({"box": {"width": "x"}}, r"at `\$\.box\.width`. `box` must match"),
        ({"names": [1]}, r"`names` must match"),
        ({"limited": 6}, r"`limited` must match .*\"maximum\":5"),
        ({"colour": "red"}, r"unknown field `colour`. The parameters are: `text`, `count`"),
        ({"context": {}}, r"unknown field `context`"),
        ({"text": None}, r"`text` must match"),
    ],
)
def test_wrong_arguments_are_explained(changed: dict[str, Any], said: str) -> None:
    with pytest.raises(ToolFailed, match=said) as failure:
        parameters(everything).read({**ARGUMENTS, **changed})
    assert failure.value.code == "invalid_arguments"
    assert len(failure.value.message) <= 600


def test_a_missing_argument_is_named() -> None:
    with pytest.raises(ToolFailed, match="missing required field `text`"):
        parameters(everything).read({name: value for name, value in ARGUMENTS.items() if name != "text"})


@pytest.mark.parametrize(
    ("changed", "name", "value"),
    [
        ({"count": "5"}, "count", 5),
        ({"count": 5.0}, "count", 5),
        ({"share": "0.5"}, "share", 0.5),
        ({"is_new": "true"}, "is_new", True),
        ({"limited": "5"}, "limited", 5),
        # Where text is allowed, it stays text.
        ({"maybe": "null"}, "maybe", "null"),
    ],
)
def test_values_written_as_text_by_small_models_are_accepted(
    changed: dict[str, Any], name: str, value: object
) -> None:
    assert parameters(everything).read({**ARGUMENTS, **changed}).values[name] == value


@pytest.mark.parametrize(
    "changed", [{"text": 5}, {"names": "a"}, {"by_name": "{}"}, {"count": "5.5"}, {"count": [5]}, {"is_new": 2}]
)
def test_nothing_else_is_converted(changed: dict[str, Any]) -> None:
    with pytest.raises(ToolFailed):
        parameters(everything).read({**ARGUMENTS, **changed})


async def without_type(x) -> None: ...  # type: ignore[no-untyped-def]
async def several(*names: str) -> None: ...
async def keywords(**names: str) -> None: ...
async def by_position(x: int, /) -> None: ...
async def recursive(tree: Tree) -> None: ...
async def strange(call: Callable[[], None]) -> None: ...
async def unknown(x: Missing) -> None: ...  # type: ignore[name-defined]  # noqa: F821


@pytest.mark.parametrize(
    ("function", "said"),
    [
        (without_type, "has a parameter without a type (x)"),
        (several, "has a parameter that cannot be given by name (names)"),
        (keywords, "has a parameter that cannot be given by name (names)"),
        (by_position, "has a parameter that cannot be given by name (x)"),
        (recursive, "has a parameter type that contains itself (Tree)"),
        (strange, "has parameters that a JSON schema cannot describe"),
        (unknown, "has an annotation that cannot be read (name 'Missing' is not defined)"),
    ],
)
def test_functions_without_a_possible_schema_are_explained(function: Callable[..., Any], said: str) -> None:
    with pytest.raises(Unusable, match=re.escape(said)):
        parameters(function)


def test_defaults_are_not_shared_between_calls() -> None:
    async def collect(names: list[str] = []) -> None:  # noqa: B006
        """Collects."""

    tool = made(collect)
    tool.read({}).values["names"].append("a")
    assert tool.read({}).values["names"] == []
