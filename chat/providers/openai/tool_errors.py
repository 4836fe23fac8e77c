"""Finds out whether a server rejected a request because of its tools, and because of which.

A tool may come from anywhere (an MCP server, an administrator), and servers differ in which schemas they accept: one
bad tool must not spoil every request.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

import openai

from chat.providers.http import errors, quotes

# OpenRouter has no endpoint (404), llama.cpp and template errors are errors of the server (500).
STATUSES: Final = (400, 404, 422, 500, 501)
_TOOLS: Final = r"\b(?:tools?|tool[ _-]?(?:use|call(?:s|ing)?)|function[ _-]?call(?:s|ing)?)\b"
_KNOWS_NONE: Final = re.compile(
    rf"(?i)(?:not|n't|cannot|no) support.{{0,40}}{_TOOLS}"
    rf"|{_TOOLS}.{{0,60}}(?:not (?:be )?(?:support|enabled|available|allowed|permitted|implemented)|unsupported)"
    rf"|(?:unknown|unrecogni[sz]ed|unsupported|unexpected|extra).{{0,60}}\btools\b"
    r"|\btools\W.{0,30}\bextra (?:input|field)"
    rf"|no endpoints found.{{0,40}}{_TOOLS}"
    r"|enable-auto-tool-choice|tool-call-parser|--jinja"
)
_BAD_TOOL: Final = re.compile(
    r"(?i)(?<![\w.])tools\b|(?:function|tool).{0,60}(?:schema|parameter|declaration|definition)"
    r"|schema.{0,60}(?:function|tool)|invalid_function_parameters"
)
# It is a message that the server rejects.
_BAD_MESSAGE: Final = re.compile(r"(?i)\bmessages?[\[.]\d|\btool_calls\b|\btool_call_id\b|role\W{0,3}tool\b")
# Gemini has one tool with all functions in it.
_NUMBERS: Final = (re.compile(r"function_declarations[\[.](\d{1,4})"), re.compile(r"(?<![\w.])tools[\[.](\d{1,4})"))


def knows_no_tools(error: openai.APIStatusError) -> bool:
    """Whether the model or the server says that it has no tools at all."""
    return _KNOWS_NONE.search(_words(error)) is not None and not rejects_message(error)


def blames_tools(error: openai.APIStatusError) -> bool:
    """Whether the server rejects a tool's name, description or schema."""
    return _BAD_TOOL.search(_words(error)) is not None and not rejects_message(error)


def rejected(error: openai.APIStatusError, names: Sequence[str]) -> frozenset[str]:
    """Which of the tools in the request the server rejects, by place or by name; empty if it does not say."""
    words = _words(error)
    if not blames_tools(error):
        return frozenset()
    for pattern in _NUMBERS:
        if places := {int(place) for place in pattern.findall(words)}:
            return frozenset(name for place, name in enumerate(names) if place in places)
    return frozenset(name for name in names if re.search(rf"['\"`‘“]{re.escape(name)}['\"`’”]", words))


def rejects_message(error: openai.APIStatusError) -> bool:
    return _BAD_MESSAGE.search(_words(error)) is not None


def _words(error: openai.APIStatusError) -> str:
    """What the server says, with the fields that it names."""
    detail = errors.complaint(error.response)
    return " ".join([detail.words[: quotes.READ_CHARACTERS], *sorted(detail.fields), *sorted(detail.codes)])
