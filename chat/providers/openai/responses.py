"""Answers from servers that speak OpenAI's Responses API.

Unlike chat completions, it shows a summary of the model's reasoning, and takes the reasoning itself back, encrypted,
with the results of tools.
"""

from __future__ import annotations

from collections.abc import Collection

from chat.providers.openai.chat import OpenAIProvider
from chat.providers.openai.dialect import Manner
from chat.providers.openai.event_reader import EventReader
from chat.providers.openai.responses_reader import ResponsesReader
from chat.providers.openai.responses_request import ResponsesManner


class ResponsesProvider(OpenAIProvider):
    """A `Provider` for one server and key. Its connections, timeouts and errors are those of OpenAIProvider."""

    _path = "/responses"

    def _usual_manner(self) -> Manner:
        return ResponsesManner()

    def _reader(self, tools: Collection[str], *, are_off: bool) -> EventReader:
        return ResponsesReader(secret=self._secrets, tools=tools, are_off=are_off)
