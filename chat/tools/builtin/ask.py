"""A question back to the person."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from chat.tools.base import AskPerson, ToolFailed
from chat.tools.definitions import tool

Choice = Annotated[str, Meta(min_length=1, max_length=200)]


@tool(title="Ask a question", side_effects=False, timeout=5)
async def ask_person(
    question: Annotated[str, Meta(min_length=1, max_length=1000), "One short question."],
    choices: Annotated[list[Choice], Meta(max_length=10), "Answers to choose from, if there are obvious ones."] = [],  # noqa: B006  (copied for each call)
    allows_text: Annotated[bool, "Whether the person may also answer in their own words."] = True,
) -> AskPerson:
    """Ask the person a question and wait for the answer. Use it only if you cannot go on without knowing."""
    different = tuple(dict.fromkeys(choice.strip() for choice in choices if choice.strip()))
    if not question.strip():
        raise ToolFailed("invalid_arguments", "The question is empty.")
    if not allows_text and len(different) < 2:
        message = "Without at least two different choices, the person must be allowed to answer in their own words."
        raise ToolFailed("invalid_arguments", message)
    return AskPerson(question.strip(), different, allows_text)
