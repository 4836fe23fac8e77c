"""Every English sentence that the server shows to people has a translation on the page."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
from django.utils import translation

from chat.pages.js_translations import translations
from chat.pages.server_texts import SENTENCES

ROOT: Final = Path(__file__).resolve().parents[2]
# The modules with the sentences about failed answers.
SPEAKERS: Final = (
    *("providers/openai/event_reader.py", "providers/openai/reader.py", "providers/openai/chat.py"),
    "providers/http/errors.py",
    *("providers/anthropic/reader.py", "providers/anthropic/provider.py", "providers/http/timeouts.py"),
    *(
        "generation/agent.py",
        "generation/model_call.py",
        "generation/finishing.py",
        "generation/runner.py",
        "generation/takeover.py",
    ),
)
# Messages of errors that nobody sees.
INTERNAL: Final = {"Waiting needs a task that can be cancelled.", "The last attempt returns or raises."}
SENTENCE: Final = re.compile(r"[A-Z][\w',;:(){} -]+ [^\n]*\.")


def spoken(source: str) -> Iterator[str]:
    """The sentences of a module, without docstrings and log messages; `{}` marks a placeholder."""
    tree = ast.parse(source)
    passed_over = {id(each) for node in ast.walk(tree) if is_silent(node) for each in ast.walk(node)}
    passed_over |= {id(each) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for each in node.values}
    for node in ast.walk(tree):
        if id(node) not in passed_over and SENTENCE.fullmatch(text := text_of(node)):
            yield text


def is_silent(node: ast.AST) -> bool:
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
        return True
    is_call = isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
    return is_call and ast.unparse(node.func).startswith("logger.")  # type: ignore[attr-defined]


def text_of(node: ast.AST) -> str:
    if isinstance(node, ast.Constant):
        return str(node.value) if isinstance(node.value, str) else ""
    if isinstance(node, ast.JoinedStr):
        return "".join(text_of(each) if isinstance(each, ast.Constant) else "{}" for each in node.values)
    return ""


@pytest.mark.parametrize("path", SPEAKERS)
def test_every_message_in_the_code_is_listed(path: str) -> None:
    found = {text for text in spoken((ROOT / "chat" / path).read_text("utf-8")) if not text.startswith("{}")}

    assert found - set(SENTENCES) - INTERNAL == set()


def test_every_listed_message_is_used() -> None:
    said = "".join(
        text_of(node)
        for path in sorted((ROOT / "chat").rglob("*.py"))
        if path.name != "server_texts.py"
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
    )
    again = " Try again in a moment."
    assert {text for text in SENTENCES if text not in said and text.removesuffix(again) not in said} == set()


def test_the_page_gets_the_messages_in_its_language() -> None:
    with translation.override("de"):
        found = translations()

    assert found is not None
    assert {text for text in SENTENCES if found["messages"].get(text, text) == text} == set()
    assert all(text.count("{}") == str(found["messages"][text]).count("{}") <= 1 for text in SENTENCES)


def test_messages_are_found_in_a_source() -> None:
    source = (
        '"""A docstring is none."""\nlogger.warning("Nor is the log, which is for operators.")\n'
        'raise X("The model said no.")\nraise X(f"It took {n} seconds to say no.")\nY = "no sentence"\n'
    )
    assert list(spoken(source)) == ["The model said no.", "It took {} seconds to say no."]
