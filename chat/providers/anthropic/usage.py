"""Counts the tokens of an answer, over several messages if the server paused."""

from __future__ import annotations

from chat.protocol.untrusted_input import count
from chat.providers.anthropic.events import Usage
from chat.providers.base import UsageDelta


class TokenCount:
    """`total`: of the messages before, and of this one as far as it has told."""

    def __init__(self, before: UsageDelta | None = None) -> None:
        self.total = self._before = before or UsageDelta(0, 0)
        self._usage = Usage()

    def add(self, usage: Usage) -> bool:
        """Note the counts of an event, which replace earlier ones. Returns whether `total` has changed."""
        for field in Usage.__struct_fields__:
            if (value := getattr(usage, field)) is not None:
                setattr(self._usage, field, value)
        last, self.total = self.total, self._total()
        return self.total != last

    def _total(self) -> UsageDelta:
        before, now = self._before, self._usage
        cached = count(now.cache_read_input_tokens) or 0
        written = count(now.cache_creation_input_tokens) or 0
        thought = (now.output_tokens_details and count(now.output_tokens_details.thinking_tokens)) or 0
        return UsageDelta(
            before.input_tokens + (count(now.input_tokens) or 0) + cached + written,
            before.output_tokens + (count(now.output_tokens) or 0),
            before.cached_input_tokens + cached,
            before.reasoning_tokens + thought,
        )
