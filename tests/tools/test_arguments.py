"""Arguments as models write them."""

from __future__ import annotations

import pytest

from chat.tools.arguments import read_arguments
from chat.tools.base import Tool, ToolFailed
from tests.tools.calling import made


async def greet(name: str = "you", names: list[str] = []) -> None:  # noqa: B006
    """Greet."""


@pytest.fixture
def tool() -> Tool:
    return made(greet)


def test_a_json_object_is_read(tool: Tool) -> None:
    read = read_arguments(tool, '{"name": "Ada"}')
    assert read.given == {"name": "Ada"}
    assert read.values == {"name": "Ada", "names": []}


@pytest.mark.parametrize("text", ["", " \n", "null", "{}"])
def test_empty_text_is_an_empty_object(tool: Tool, text: str) -> None:
    assert read_arguments(tool, text).given == {}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"name": "A', "not a JSON object. This is not JSON"),
        ("{} {}", "This is not JSON"),
        ("[]", "A JSON object is expected"),
        ('"{}"', "A JSON object is expected"),
        ('{"name": NaN}', "NaN is no JSON number"),
        ('{"names": ' + "[" * 20_000, "nested too deeply"),
        ('{"names": ' + "[" * 900 + "]" * 900 + "}", "nested too deeply|do not match"),
    ],
)
def test_arguments_other_than_an_object_are_explained(tool: Tool, text: str, said: str) -> None:
    with pytest.raises(ToolFailed, match=said) as failure:
        read_arguments(tool, text)
    assert failure.value.code == "invalid_arguments"


def test_up_to_64_kib_are_accepted(tool: Tool) -> None:
    room = 64 * 1024 - len('{"name": ""}')
    assert len(read_arguments(tool, f'{{"name": "{"x" * room}"}}').given["name"]) == room
    for longer in ("x" * (room + 1), "é" * (room // 2 + 1)):
        with pytest.raises(ToolFailed, match="64 KiB") as failure:
            read_arguments(tool, f'{{"name": "{longer}"}}')
        assert failure.value.code == "too_large"


def test_escapes_cannot_produce_invalid_characters(tool: Tool) -> None:
    read = read_arguments(tool, '{"name": "a\\u0000\\ud800", "names": ["\\udfff"]}')
    assert read.given == {"name": "a\ufffd\ufffd", "names": ["\ufffd"]}
    assert read.values == read.given
