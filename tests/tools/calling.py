"""Makes tools from functions, and calls them."""

from __future__ import annotations

import functools
from collections.abc import Callable
from contextlib import aclosing
from datetime import UTC, datetime
from types import FunctionType
from typing import Any, Final

from chat.tools.arguments import read_arguments
from chat.tools.base import Context, Output, Tool
from chat.tools.definitions import define, tool
from chat.tools.execution import run

NOON: Final = datetime(2026, 11, 29, 12, 0, tzinfo=UTC)
NOBODY: Final = Context(user_id=0, now=lambda: NOON)


def made(function: Callable[..., Any], **options: Any) -> Tool:
    """A tool without side effects, unless `options` say otherwise."""
    copy = FunctionType(function.__code__, function.__globals__, function.__name__, closure=function.__closure__)
    functools.update_wrapper(copy, function)
    copy.__defaults__, copy.__kwdefaults__ = function.__defaults__, function.__kwdefaults__
    return define(tool(**{"side_effects": False, **options})(copy), source="local")


async def outputs(tool: Tool, arguments: str = "{}", context: Context = NOBODY) -> list[Output]:
    async with aclosing(run(tool, read_arguments(tool, arguments), context)) as found:
        return [output async for output in found]


async def result(tool: Tool, arguments: str = "{}", context: Context = NOBODY) -> Any:
    """The last output."""
    return (await outputs(tool, arguments, context))[-1]
