from __future__ import annotations

import pytest

from chat.providers.openai.finish_reasons import Ending, Failed, ending_of, worse


@pytest.mark.parametrize(
    ("reason", "ending"),
    [
        ("stop", "stop"), ("STOP", "stop"), ("eos", "stop"), ("eos_token", "stop"), ("end_turn", "stop"),
        ("stop_sequence", "stop"), ("COMPLETE", "stop"), ("FinishReason.STOP", "stop"), ({"type": "stop"}, "stop"),
        ("length", "length"), ("model_length", "length"), ("MAX_TOKENS", "length"), ("max_tokens", "length"),
        ("MaxTokens", "length"), ("FINISH_REASON_MAX_TOKENS", "length"), ({"type": "length", "length": 9}, "length"),
        ("content_filter", "content_filter"), ("SAFETY", "content_filter"), ("sensitive", "content_filter"),
        ("content_filter: violence", "content_filter"), ("content-filter", "content_filter"),
        ("PROHIBITED_CONTENT", "content_filter"), ("content_filtered (hate)", "content_filter"),
        ("", None), ("null", None), ("None", None), (None, None), (" ", None), ("FINISH_REASON_UNSPECIFIED", None),
    ],
)  # fmt: skip
def test_known_finish_reasons_are_recognized(reason: object, ending: str | None) -> None:
    assert ending_of(reason) == ending


@pytest.mark.parametrize(
    "reason",
    [
        "error", "abort", "network_error", "insufficient_system_resource", "timeout", "cancelled", "stop the press",
        "MALFORMED_FUNCTION_CALL", "OTHER", {"type": "abort"}, {}, [], 7, True, "x" * 999,
    ],
)  # fmt: skip
def test_an_unknown_finish_reason_is_a_failure(reason: object) -> None:
    ending = ending_of(reason)

    assert isinstance(ending, Failed)
    assert len(ending.name) <= 40


@pytest.mark.parametrize("reason", ["tool_calls", "function_call", "tool_use", "TOOL_CALL", "toolCalls"])
def test_calls_finish_with_tool_calls(reason: str) -> None:
    assert ending_of(reason) == "tool_calls"


@pytest.mark.parametrize("worse_one", ["length", "content_filter", Failed("error")])
def test_a_truncated_answer_with_calls_is_still_truncated(worse_one: Ending) -> None:
    assert worse("tool_calls", worse_one) == worse(worse_one, "tool_calls") == worse_one
    assert worse("stop", "tool_calls") == "tool_calls"
