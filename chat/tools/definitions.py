"""Makes a tool from an async function with `@tool(…)` above it. chat/tools/builtin/ has examples.

The model sees the function's name, the first paragraph of its docstring, and a JSON schema of its parameters. An async
generator yields `Progress(item)` any number of times, and its result last.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from chat.tools.base import LONGEST_SECONDS, TIMEOUT_SECONDS, Arguments, Context, Tool
from chat.tools.docstrings import Docstring
from chat.tools.schema import Parameters, Unusable, parameters_of

Start = Callable[[Arguments, Context], AsyncIterator[Any]]
F = TypeVar("F", bound=Callable[..., Any])

# The shortest limit among providers.
DESCRIPTION: Final = 1024
TITLE: Final = 80

_MARK: Final = "__chat_tool__"
_NAME: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")


@dataclass(frozen=True, slots=True)
class _Options:
    title: str
    side_effects: bool
    timeout: float
    name: str


def tool(
    *, title: str = "", side_effects: bool = True, timeout: float = TIMEOUT_SECONDS, name: str = ""
) -> Callable[[F], F]:
    """Mark a function as a tool. The function stays as it is: a test can call it.

    `title`: for people; by default from the name. `side_effects`: whether it changes or sends anything: people
    who allow it are told so, and no call is repeated. `timeout`: seconds without progress. Mistakes are reported when
    the site starts, not here, so that they do not take the module's other tools with them.
    """

    def mark(function: F) -> F:
        setattr(function, _MARK, _Options(title, side_effects, timeout, name))
        return function

    return mark


def is_tool(thing: object) -> bool:
    return callable(thing) and isinstance(getattr(thing, _MARK, None), _Options)


def name_of(function: Callable[..., Any]) -> str:
    return _options(function).name or getattr(function, "__name__", "")


def define(function: Callable[..., Any], *, source: str) -> Tool:
    """The tool `<source>:<name>`. Raises Unusable."""
    options = _options(function)
    name = name_of(function)
    if not _NAME.fullmatch(name):
        raise Unusable("has an impossible name: use 1 to 64 ASCII letters, digits, _ and -")
    if not 0 < options.timeout <= LONGEST_SECONDS:
        raise Unusable(f"has an impossible timeout: use up to {LONGEST_SECONDS:g} seconds")
    title = options.title or name.replace("_", " ").capitalize()
    if len(title) > TITLE or not title.isprintable():
        raise Unusable(f"has an impossible title: use one line of up to {TITLE} characters")
    docstring = Docstring.parse(function.__doc__)
    if not docstring.description:
        raise Unusable("has no docstring, which tells the model what it is for")
    if len(docstring.description) > DESCRIPTION:
        raise Unusable(f"has a docstring whose first paragraph is longer than {DESCRIPTION} characters")
    parameters = parameters_of(function, docstring)
    return Tool(
        key=f"{source}:{name}",
        title=title,
        description=docstring.description,
        parameters=parameters.schema,
        read=parameters.read,
        start=_starter(function, parameters),
        side_effects=options.side_effects,
        timeout=options.timeout,
    )


def _options(function: Callable[..., Any]) -> _Options:
    options: _Options = getattr(function, _MARK)
    return options


def _starter(function: Callable[..., Any], parameters: Parameters) -> Start:
    def values(arguments: Arguments, context: Context) -> dict[str, Any]:
        return {**arguments.values, **({parameters.context: context} if parameters.context else {})}

    async def awaited(arguments: Arguments, context: Context) -> AsyncIterator[Any]:
        yield await function(**values(arguments, context))

    def iterated(arguments: Arguments, context: Context) -> AsyncIterator[Any]:
        iterator: AsyncIterator[Any] = function(**values(arguments, context))
        return iterator

    if inspect.isasyncgenfunction(function):
        return iterated
    if inspect.iscoroutinefunction(function):
        return awaited
    raise Unusable("is not async: write `async def`, and await what takes time")
