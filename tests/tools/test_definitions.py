"""From a function to a tool."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from chat.tools.base import Context, Progress, Result
from chat.tools.definitions import define, is_tool, tool
from chat.tools.schema import Unusable
from tests.tools.calling import NOBODY, made, outputs, result


@tool(side_effects=False)
async def find_bird(name: str) -> str:
    """Find a bird.

    Not for the model.
    """
    return f"{name}!"


def test_a_function_is_a_tool() -> None:
    found = define(find_bird, source="local")
    assert (found.key, found.name, found.title) == ("local:find_bird", "find_bird", "Find bird")
    assert found.description == "Find a bird."
    assert found.parameters["required"] == ["name"]
    assert not found.side_effects
    assert found.timeout == 60


def test_tools_have_side_effects_by_default() -> None:
    @tool()
    async def send() -> None:
        """Send."""

    assert define(send, source="local").side_effects


def test_options_override_derived_values() -> None:
    found = made(find_bird, title="Birds", name="bird-2", timeout=5)
    assert (found.key, found.title, found.timeout) == ("local:bird-2", "Birds", 5)


async def test_the_function_stays_callable() -> None:
    assert is_tool(find_bird)
    assert await find_bird("Heron") == "Heron!"
    assert (await result(define(find_bird, source="local"), '{"name": "Heron"}')).text == "Heron!"


async def test_an_async_generator_yields_progress_and_its_result() -> None:
    async def search(words: str) -> AsyncIterator[Progress | str]:
        """Search."""
        yield Progress({"title": words})
        yield "one hit"

    found = await outputs(made(search), '{"words": "heron"}')
    assert found == [Progress({"title": "heron"}), Result("one hit", "one hit", "one hit", 7)]


async def test_the_context_is_passed_and_not_in_the_schema() -> None:
    async def who(about: Context, loud: bool = False) -> int:
        """Who?"""
        return about.user_id

    found = made(who)
    assert list(found.parameters["properties"]) == ["loud"]
    assert (await result(found, "{}", Context(user_id=7))).value == 7
    assert (await result(found, "{}", NOBODY)).text == "0"


def sync() -> None:
    """Sync."""


async def without_docstring() -> None: ...


async def long_docstring() -> None: ...


long_docstring.__doc__ = "x" * 1025


@pytest.mark.parametrize(
    ("function", "options", "said"),
    [
        (sync, {}, "is not async"),
        (without_docstring, {}, "has no docstring"),
        (long_docstring, {}, "longer than 1024"),
        (find_bird, {"name": "größe"}, "has an impossible name"),
        (find_bird, {"name": "x" * 65}, "has an impossible name"),
        (find_bird, {"timeout": 301}, "has an impossible timeout"),
        (find_bird, {"timeout": 0}, "has an impossible timeout"),
        (find_bird, {"title": "two\nlines"}, "has an impossible title"),
    ],
)
def test_an_unusable_function_is_explained(function: Callable[..., Any], options: Any, said: str) -> None:
    with pytest.raises(Unusable, match=re.escape(said)):
        made(function, **options)


def test_the_hash_changes_with_any_visible_part_of_a_tool() -> None:
    async def other(name: str, place: str = "") -> None:
        """Find a bird."""

    same = define(find_bird, source="local").definition_hash
    assert define(find_bird, source="local").definition_hash == same
    variants = [
        made(find_bird, title="Other"),
        made(find_bird, name="other"),
        made(find_bird, side_effects=True),
        made(other, name="find_bird"),
        define(find_bird, source="mcp"),
    ]
    assert len({same, *(each.definition_hash for each in variants)}) == 6
