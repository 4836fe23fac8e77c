"""Loading the operator's own tool modules."""

from __future__ import annotations

import logging

import pytest
from pytest_django import Settings

from chat.checks import check_tools
from chat.tools.bootstrap import build, registry
from chat.tools.loading import Problem, load

HERE = "tests.tools.modules"


def test_marked_functions_are_tools_once_each() -> None:
    found = load([f"{HERE}.trees", f"{HERE}.trees"])
    assert [tool.key for tool in found.tools] == ["local:count_trees", "local:find_bird"]
    assert found.problems == ()


def test_unusable_tools_are_dropped_and_reported() -> None:
    found = load([f"{HERE}.birds"])
    assert [tool.key for tool in found.tools] == ["local:count_trees", "local:find_bird"]
    assert [problem.message for problem in found.problems] == [
        f"The tool no_coroutine of {HERE}.birds is not async: write `async def`, and await what takes time.",
        f"The tool without_docstring of {HERE}.birds has no docstring, which tells the model what it is for.",
    ]
    assert not any(problem.is_module for problem in found.problems)


@pytest.mark.parametrize(
    ("module", "said"),
    [
        (f"{HERE}.gone", f"The module {HERE}.gone cannot be imported: ModuleNotFoundError"),
        (f"{HERE}.broken", "SystemExit: I am a script"),
        ("birds.py", "ModuleNotFoundError"),
        ("..", "cannot be imported"),
        (f"{HERE}.empty", "has no tools"),
    ],
)
def test_a_bad_module_does_not_affect_others(module: str, said: str) -> None:
    found = load([module, f"{HERE}.trees"])
    (problem,) = found.problems
    assert said in problem.message
    assert problem.hint
    assert problem.is_module
    assert len(found.tools) == 2


def test_the_first_tool_of_a_name_is_used() -> None:
    found = load([f"{HERE}.birds", f"{HERE}.trees"])
    assert next(tool for tool in found.tools if tool.name == "find_bird").description == "Find a bird."
    assert found.problems[-1] == Problem(
        f"The tool find_bird of {HERE}.trees was dropped: an earlier one has the same name.",
        "Rename one of them, or pass `name=` to @tool.",
    )


def test_the_system_check_reports_problems(settings: Settings) -> None:
    settings.CHAT_TOOLS = [f"{HERE}.gone", f"{HERE}.birds", f"{HERE}.trees"]
    assert [message.id for message in check_tools()] == ["chat.E004", "chat.W013", "chat.W013", "chat.W013"]
    first = next(check_tools())
    assert first.msg.startswith(f"CHAT_TOOLS: The module {HERE}.gone cannot be imported")
    assert first.hint
    settings.CHAT_TOOLS = [f"{HERE}.trees"]
    assert list(check_tools()) == []


def test_the_tools_of_the_settings_are_available(settings: Settings, caplog: pytest.LogCaptureFixture) -> None:
    settings.CHAT_TOOLS = [f"{HERE}.gone", f"{HERE}.trees"]
    with caplog.at_level(logging.WARNING):
        found = build()
    assert [tool.key for tool in found] == [
        "builtin:ask_person",
        "builtin:calculator",
        "builtin:current_time",
        "builtin:search_conversations",
        "local:count_trees",
        "local:find_bird",
    ]
    assert "gone cannot be imported" in caplog.text


def test_tools_are_loaded_once() -> None:
    assert registry() is registry()
