"""Finds the tools in a person's own modules. A mistake costs only the tool, or the module, that it is in."""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from chat.tools.base import Tool
from chat.tools.definitions import define, is_tool, name_of
from chat.tools.schema import Unusable


@dataclass(frozen=True, slots=True)
class Problem:
    """What was dropped and why, for the operator. `is_module`: not one tool, but all of a module."""

    message: str
    hint: str
    is_module: bool = False


@dataclass(frozen=True, slots=True)
class Found:
    tools: tuple[Tool, ...]
    problems: tuple[Problem, ...]


def load(modules: Iterable[str], *, source: str = "local") -> Found:
    """Import the modules and collect the functions that `@tool` marks. Raises nothing."""
    tools: dict[str, Tool] = {}
    problems: list[Problem] = []
    seen: dict[int, Any] = {}
    for name in dict.fromkeys(modules):
        module = _imported(name)
        if isinstance(module, Problem):
            problems.append(module)
            continue
        functions = [each for each in vars(module).values() if is_tool(each)]
        if not functions:
            hint = "Put `@tool(…)` of chat.tools.definitions above an async function in it."
            problems.append(Problem(f"The module {name} has no tools.", hint, is_module=True))
        # The same function may have several names, and be imported by several modules.
        fresh = {id(each): each for each in functions if id(each) not in seen}
        seen |= fresh
        for made in _defined(name, fresh.values(), source):
            if isinstance(made, Problem):
                problems.append(made)
            elif made.key in tools:
                message = f"The tool {made.name} of {name} was dropped: an earlier one has the same name."
                problems.append(Problem(message, "Rename one of them, or pass `name=` to @tool."))
            else:
                tools[made.key] = made
    return Found(tuple(tools.values()), tuple(problems))


def _imported(name: str) -> ModuleType | Problem:
    try:
        return importlib.import_module(name)
    except (Exception, SystemExit) as error:  # noqa: BLE001  (a module may raise anything)
        message = f"The module {name} cannot be imported: {type(error).__name__}: {error}."
        return Problem(message, "Correct the name (package.module, without .py) or the module.", is_module=True)


def _defined(module: str, functions: Iterable[Any], source: str) -> Iterator[Tool | Problem]:
    for function in functions:
        try:
            yield define(function, source=source)
        except Unusable as error:
            message = f"The tool {name_of(function)} of {module} {error}."
            yield Problem(message, "Correct the function. Until then, the tool is not offered.")
