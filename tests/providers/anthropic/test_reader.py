"""Bytes in, deltas out: what the API may send, and what no server should."""

from __future__ import annotations

import json
import re
import tracemalloc
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chat.providers.anthropic import reader as readers
from chat.providers.anthropic.reader import MAX_PAUSES, MessageReader
from chat.providers.base import (
    MAX_ARGUMENT_BYTES,
    AuthenticationFailed,
    ContextTooLong,
    Delta,
    Finish,
    Incomplete,
    OutputItems,
    ProviderError,
    ProviderUnavailable,
    QuotaExceeded,
    RateLimited,
    TextDelta,
    TimedOut,
    ToolCalled,
    ToolDelta,
    ToolUse,
    UsageDelta,
)
from tests.fake_anthropic.stage import error, event
from tests.providers.anthropic.streams import bytewise, cut, read, stream
from tests.providers.contract import reasoning_of, text_of
from tests.providers.joined import joined

KEY = "sk-ant-the-key-of-this-site"


def begin(**usage: Any) -> bytes:
    message = {"id": "msg_1", "type": "message", "role": "assistant", "model": "claude-opus-5", "content": []}
    counts = {"input_tokens": 10, "output_tokens": 1} | usage
    return event("message_start", message=message | {"stop_reason": None, "usage": counts}) + event("ping")


def block(index: int, start: dict[str, Any], *deltas: dict[str, Any]) -> bytes:
    pieces = [event("content_block_delta", index=index, delta=delta) for delta in deltas]
    end = event("content_block_stop", index=index)
    return event("content_block_start", index=index, content_block=start) + b"".join(pieces) + end


def text(index: int, *pieces: str) -> bytes:
    return block(index, {"type": "text", "text": ""}, *({"type": "text_delta", "text": piece} for piece in pieces))


def thinking(index: int, *pieces: str, signature: str = "signed") -> bytes:
    deltas: list[dict[str, Any]] = [{"type": "thinking_delta", "thinking": piece} for piece in pieces]
    if signature:
        deltas.append({"type": "signature_delta", "signature": signature})
    return block(index, {"type": "thinking", "thinking": "", "signature": ""}, *deltas)


def tool(index: int, name: str, *pieces: str, kind: str = "tool_use") -> bytes:
    start = {"type": kind, "id": f"toolu_{index}", "name": name, "input": {}}
    return block(index, start, *({"type": "input_json_delta", "partial_json": piece} for piece in ("", *pieces)))


def end(reason: str = "end_turn", **usage: Any) -> bytes:
    counts = {"output_tokens": 5} | usage
    delta = {"stop_reason": reason, "stop_sequence": None}
    return event("message_delta", delta=delta, usage=counts) + event("message_stop")


def read_whole(sent: bytes, **options: Any) -> tuple[list[Delta], MessageReader]:
    """Read the bytes at once and one by one: only the number of progress deltas may differ."""
    options = {"secret": KEY} | options
    deltas, reader = read([sent], **options)
    slowly, other = read(bytewise(sent), **options)
    assert without_progress(slowly) == without_progress(deltas)
    assert str(other.failure) == str(reader.failure)
    return deltas, reader


def without_progress(deltas: list[Delta]) -> list[Delta]:
    """Also replaces the ids, which are random, by their order."""
    ids: dict[str, str] = {}
    kept: list[Delta] = []
    for delta in deltas:
        if isinstance(delta, OutputItems):
            items = json.loads(json.dumps(delta.items))
            for item in items:
                if item["type"] == "tool_use":
                    item["id"] = ids.setdefault(item["id"], str(len(ids)))
            kept.append(OutputItems(tuple(items)))
        elif isinstance(delta, ToolUse):
            kept.append(ToolUse(ids.setdefault(delta.call_id, str(len(ids))), delta.name, delta.arguments))
        elif not isinstance(delta, ToolDelta):
            kept.append(delta)
    return joined(kept)


def test_text_and_usage() -> None:
    deltas, _ = read_whole(begin(input_tokens=9) + text(0, "Hel", "lo.") + end(output_tokens=12))

    assert deltas == [
        UsageDelta(9, 1),
        TextDelta("Hello.", 2),
        UsageDelta(9, 12),
        OutputItems(({"type": "text", "text": "Hello."},)),
        Finish("stop"),
    ]


def test_input_tokens_include_cache_reads_and_writes() -> None:
    begun = begin(input_tokens=3, cache_creation_input_tokens=100, cache_read_input_tokens=20)
    details = {"output_tokens_details": {"thinking_tokens": 4}}

    deltas, _ = read_whole(begun + text(0, "a") + end(output_tokens=7, **details))

    assert [each for each in deltas if isinstance(each, UsageDelta)] == [
        UsageDelta(123, 1, 20),
        UsageDelta(123, 7, 20, 4),
    ]


def test_thoughts_go_back_as_they_came_encrypted_ones_too() -> None:
    redacted = {"type": "redacted_thinking", "data": "EmwKAhgB"}

    deltas, reader = read_whole(
        begin() + thinking(0, "Hm, ", "so.") + block(1, redacted) + thinking(2, "Then.") + text(3, "Yes.") + end()
    )

    assert reasoning_of(deltas) == "Hm, so.\n\nThen."
    assert text_of(deltas) == "Yes."
    assert reader.items == (
        {"type": "thinking", "thinking": "Hm, so.", "signature": "signed"},
        redacted,
        {"type": "thinking", "thinking": "Then.", "signature": "signed"},
        {"type": "text", "text": "Yes."},
    )


def test_a_thought_that_is_not_shown_goes_back_too() -> None:
    deltas, reader = read_whole(begin() + thinking(0, signature="long") + text(1, "Yes.") + end())

    assert reasoning_of(deltas) == ""
    assert reader.items[0] == {"type": "thinking", "thinking": "", "signature": "long"}


def test_only_shown_thoughts_are_separated() -> None:
    some = thinking(0) + thinking(1, "a", "b") + thinking(2)
    more = thinking(4) + thinking(5, "c") + thinking(6)

    deltas, _ = read_whole(begin() + some + text(3, "x") + more + end())

    assert reasoning_of(deltas) == "ab\n\nc"


def test_calls_have_ids_of_ours_in_their_items_too() -> None:
    sent = begin() + text(0, "Let me look.") + tool(1, "look", '{"pa', 'th": "/"}') + tool(2, "now") + end("tool_use")

    deltas, reader = read_whole(sent)

    first, second = (delta for delta in deltas if isinstance(delta, ToolUse))
    assert (first.name, first.arguments) == ("look", '{"path": "/"}')
    assert (second.name, second.arguments) == ("now", "{}")
    assert all(re.fullmatch("c[a-zA-Z0-9]{8}", call.call_id) for call in (first, second))
    assert first.call_id != second.call_id
    assert reader.items == (
        {"type": "text", "text": "Let me look."},
        {"type": "tool_use", "id": first.call_id, "name": "look", "input": {"path": "/"}},
        {"type": "tool_use", "id": second.call_id, "name": "now", "input": {}},
    )
    assert deltas[-4:] == [first, second, OutputItems(reader.items), Finish("tool_calls")]


def test_writing_arguments_is_progress() -> None:
    reader = MessageReader(offers_tools=True)
    reader.feed(begin())
    start = {"type": "tool_use", "id": "toolu_1", "name": "look", "input": {}}

    assert reader.feed(event("content_block_start", index=0, content_block=start)) == [ToolDelta("look", 0)]
    pieces = b"".join(
        event("content_block_delta", index=0, delta={"type": "input_json_delta", "partial_json": "12345"})
        for _ in range(3)
    )
    assert reader.feed(pieces) == [ToolDelta("look", 15)]
    assert reader.feed(event("ping")) == []


def test_arguments_in_the_start_event_are_used() -> None:
    start = {"type": "tool_use", "id": "toolu_1", "name": "look", "input": {"a": [1]}}

    deltas, reader = read_whole(begin() + block(0, start) + end("tool_use"))

    assert [each.arguments for each in deltas if isinstance(each, ToolUse)] == ['{"a":[1]}']
    assert reader.items[0]["input"] == {"a": [1]}


@pytest.mark.parametrize("written", ['{"a": ', "[1]", "nonsense", '{"a": NaN}'])
def test_broken_arguments_reach_the_agent_as_they_are_and_go_back_as_an_object(written: str) -> None:
    deltas, reader = read_whole(begin() + tool(0, "look", written) + end("tool_use"))

    assert [each.arguments for each in deltas if isinstance(each, ToolUse)] == [written.strip()]
    assert isinstance(reader.items[0]["input"], dict)
    json.dumps(reader.items, allow_nan=False).encode()


def test_server_tools_are_kept_and_shown_as_progress() -> None:
    result = {"type": "web_search_tool_result", "tool_use_id": "toolu_0", "content": [{"url": "x", "encrypted": "y"}]}
    sent = begin() + tool(0, "web_search", '{"query": "a"}', kind="server_tool_use") + block(1, result)

    deltas, reader = read_whole(sent + text(2, "Found.") + end(), offers_tools=False)

    called = {"type": "server_tool_use", "id": "toolu_0", "name": "web_search", "input": {"query": "a"}}
    assert reader.items == (called, result, {"type": "text", "text": "Found."})
    assert deltas[-1] == Finish("stop")
    assert any(isinstance(each, ToolDelta) and each.name == "web_search" for each in read([sent])[0])


@pytest.mark.parametrize(
    ("reason", "finish"),
    [
        ("end_turn", "stop"),
        ("stop_sequence", "stop"),
        ("tool_use", "stop"),
        ("max_tokens", "length"),
        ("model_context_window_exceeded", "length"),
        ("refusal", "refusal"),
    ],
)
def test_every_stop_reason_has_a_finish(reason: str, finish: Any) -> None:
    deltas, _ = read_whole(begin() + text(0, "Well") + end(reason))

    assert deltas[-1] == Finish(finish)
    assert text_of(deltas) == "Well"


@pytest.mark.parametrize("reason", ["end_turn", "stop_sequence", "tool_use", "pause_turn"])
def test_calls_are_calls_whatever_the_stop_reason(reason: str) -> None:
    deltas, reader = read_whole(begin() + tool(0, "look") + end(reason))

    assert deltas[-1] == Finish("tool_calls")
    assert not reader.is_paused


@pytest.mark.parametrize("reason", ["max_tokens", "model_context_window_exceeded"])
def test_calls_and_thoughts_that_were_cut_off_are_dropped(reason: str) -> None:
    sent = (
        begin() + thinking(0, "Hm.") + text(1, "Well") + tool(2, "look", '{"a": 1') + thinking(3, "So", signature="")
    )

    deltas, reader = read_whole(sent + end(reason))

    assert not any(isinstance(each, ToolUse) for each in deltas)
    assert [item["type"] for item in reader.items] == ["thinking", "text"]
    assert deltas[-1] == Finish("length")


def test_nothing_of_a_refused_answer_is_sent_back() -> None:
    deltas, _ = read_whole(begin() + text(0, "How to") + tool(1, "look") + end("refusal"))

    assert not any(isinstance(each, OutputItems | ToolUse) for each in deltas)
    assert deltas[-1] == Finish("refusal")


def test_blank_texts_do_not_go_back() -> None:
    _, reader = read_whole(begin() + text(0) + text(1, "\n\n") + text(2, "a") + end())

    assert reader.items == ({"type": "text", "text": "a"},)


def test_an_unknown_stop_reason_is_incomplete() -> None:
    _, reader = read_whole(begin() + text(0, "Well") + end("exploded"))

    assert isinstance(reader.failure, Incomplete)
    assert "exploded" in reader.failure.message


def test_a_call_without_a_tool_to_call_is_an_error() -> None:
    _, reader = read_whole(begin() + tool(0, "look") + end("tool_use"), offers_tools=False)

    assert isinstance(reader.failure, ToolCalled)
    assert "(look)" in reader.failure.message


def test_a_call_while_tools_are_off_is_ignored_only_with_text() -> None:
    called = tool(1, "look", '{"a": 1}') + end("tool_use")
    options = {"offers_tools": False, "are_off": True}

    deltas, reader = read_whole(begin() + text(0, "That is all.") + called, **options)
    _, alone = read_whole(begin() + thinking(0, "Hm.") + called, **options)

    assert deltas[-2:] == [OutputItems(({"type": "text", "text": "That is all."},)), Finish("stop")]
    assert reader.failure is None
    assert isinstance(alone.failure, ToolCalled)


@pytest.mark.parametrize("name", ["", " \n", None, 3])
def test_a_call_without_a_name_is_dropped_with_its_item(name: Any) -> None:
    sent = begin() + tool(0, name, '{"a": 1}') + tool(1, "look") + end("tool_use")

    deltas, reader = read_whole(sent)

    [call] = [each for each in deltas if isinstance(each, ToolUse)]
    assert call.name == "look"
    assert [item["name"] for item in reader.items] == ["look"]


def test_a_call_that_never_started_is_dropped() -> None:
    piece = event("content_block_delta", index=1, delta={"type": "input_json_delta", "partial_json": "{}"})

    deltas, _ = read_whole(begin() + text(0, "Hi") + piece + end("tool_use"))

    assert deltas[-2:] == [OutputItems(({"type": "text", "text": "Hi"},)), Finish("stop")]


@pytest.mark.parametrize("kind", ["tool_use", "server_tool_use"])
def test_overlong_arguments_are_not_kept(kind: str) -> None:
    reader = MessageReader(offers_tools=True)
    piece = json.dumps("x" * 1024)
    reader.feed(begin() + tool(0, "look", *[piece] * 100, kind=kind))
    tracemalloc.start()
    reader.feed(tool(0, "look", *[piece] * 1000, kind=kind))
    kept, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    deltas = reader.feed(end("tool_use"))

    assert kept < 200_000
    assert reader.items[0]["input"] == {}
    assert all(each.is_too_long for each in deltas if isinstance(each, ToolUse))


def test_whole_arguments_are_bounded_too() -> None:
    start = {"type": "tool_use", "id": "toolu_1", "name": "look", "input": {"a": "ä" * (MAX_ARGUMENT_BYTES // 2)}}

    deltas, reader = read([begin() + block(0, start) + end("tool_use")])

    [call] = [each for each in deltas if isinstance(each, ToolUse)]
    assert call == ToolUse(call.call_id, "look", "", is_too_long=True)
    assert reader.items == ({"type": "tool_use", "id": call.call_id, "name": "look", "input": {}},)


def test_after_a_pause_the_answer_continues() -> None:
    called = tool(0, "web_search", '{"query": "a"}', kind="server_tool_use")
    paused = begin(input_tokens=10, cache_read_input_tokens=2) + called + end("pause_turn", output_tokens=3)
    deltas, reader = read_whole(paused)

    assert reader.is_paused
    assert not any(isinstance(each, Finish | OutputItems) for each in deltas)
    reader = reader.continued()
    deltas = reader.feed(begin(input_tokens=30) + text(0, "Found.") + end(output_tokens=4))

    assert deltas[-3:] == [UsageDelta(42, 7, 2), OutputItems(reader.items), Finish("stop")]
    assert [item["type"] for item in reader.items] == ["server_tool_use", "text"]


def test_a_server_that_only_pauses_fails() -> None:
    reader = MessageReader()
    for _ in range(MAX_PAUSES):
        reader.feed(begin() + end("pause_turn"))
        assert reader.is_paused
        reader = reader.continued()

    reader.feed(begin() + end("pause_turn"))

    assert isinstance(reader.failure, Incomplete)
    assert "pause_turn" in reader.failure.message


ERRORS: list[tuple[str, type[ProviderError], str, bool]] = [
    ("invalid_request_error", ProviderError, "provider_error", False),
    ("authentication_error", AuthenticationFailed, "authentication_failed", False),
    ("permission_error", AuthenticationFailed, "authentication_failed", False),
    ("billing_error", QuotaExceeded, "quota_exceeded", False),
    ("not_found_error", ProviderError, "provider_error", False),
    ("request_too_large", ContextTooLong, "provider_error", False),
    ("rate_limit_error", RateLimited, "rate_limited", True),
    ("timeout_error", TimedOut, "timeout", True),
    ("api_error", ProviderUnavailable, "provider_unavailable", True),
    ("overloaded_error", ProviderUnavailable, "provider_unavailable", True),
    ("brand_new_error", ProviderError, "provider_error", True),
]


@pytest.mark.parametrize(("kind", "family", "code", "retryable"), ERRORS)
def test_an_error_in_the_stream_has_its_type(
    kind: str, family: type[ProviderError], code: str, retryable: bool
) -> None:
    deltas, reader = read_whole(begin() + text(0, "Well") + error(kind, f"Something of {KEY} broke"))

    assert text_of(deltas) == "Well"
    assert not any(isinstance(each, Finish) for each in deltas)
    failure = reader.failure
    assert type(failure) is family
    assert (failure.code, failure.retryable) == (code, retryable)
    assert "Something of […] broke" in failure.message
    assert KEY not in failure.message


def test_an_error_without_an_event_name_is_one_too() -> None:
    _, reader = read_whole(begin() + b'data: {"error": {"message": "Out of paper"}}\n\n')

    assert reader.failure is not None
    assert "Out of paper" in reader.failure.message


def test_an_error_of_plain_text_is_one_too() -> None:
    _, reader = read_whole(begin() + b"event: error\ndata: Out of paper\n\n")

    assert reader.failure is not None
    assert "Out of paper" in reader.failure.message


def test_a_stream_that_ends_anywhere_is_incomplete_until_the_stop_reason() -> None:
    sent = begin() + thinking(0, "Hm.") + text(1, "Hello.") + tool(2, "look", '{"a": 1}')
    whole = sent + end("tool_use")
    for size in range(1, len(whole)):
        deltas, reader = read([whole[:size]])
        if isinstance(reader.failure, Incomplete):
            assert not any(isinstance(each, ToolUse | Finish | OutputItems) for each in deltas)
            assert size < len(sent) + len(end("tool_use")) - len(event("message_stop"))
        else:
            assert reader.failure is None
            assert deltas[-1] == Finish("tool_calls")
            assert size > len(sent)


@pytest.mark.parametrize(
    ("sent", "sentence"),
    [
        (b"", "empty response"),
        (b"\n\n", "empty response"),
        (b"Service on holiday", "sent something that is not an answer. It says: Service on holiday."),
        (b"<!doctype html><p>Hello", "web page"),
        (b"\n <html>", "web page"),
        (b'event: message_start\ndata: {"type":', "before the answer was complete|answer began"),
        (b"event: content_block_delta\ndata: nonsense\n\n", "not JSON"),
        (b"data: {}\n\n", "before the answer was complete"),
        (begin() + event("message_stop"), "before it was complete"),
    ],
)
def test_an_invalid_response_is_reported(sent: bytes, sentence: str) -> None:
    _, reader = read_whole(sent)

    assert reader.failure is not None
    assert re.search(sentence, reader.failure.message), reader.failure.message


def test_unknown_events_and_blocks_are_ignored() -> None:
    sent = begin() + event("brand_new", index=0) + event("content_block_start", index=7, content_block={"type": "new"})
    sent += event("content_block_start", index=9, content_block={})
    sent += event("content_block_delta", index=7, delta={"type": "new_delta", "new": 1}) + b"data: [DONE]\n\n"

    deltas, reader = read_whole(sent + text(8, "Hi") + end())

    assert text_of(deltas) == "Hi"
    assert reader.items == ({"type": "new"}, {"type": "text", "text": "Hi"})


def test_blocks_that_were_never_started_are_read() -> None:
    piece = event("content_block_delta", index=0, delta={"type": "text_delta", "text": "Hi"})

    deltas, reader = read_whole(piece + end())

    assert text_of(deltas) == "Hi"
    assert reader.items == ({"type": "text", "text": "Hi"},)


def test_an_unstreamed_message_is_read() -> None:
    content: list[dict[str, Any]] = [
        {"type": "thinking", "thinking": "Hm.", "signature": "signed"},
        {"type": "text", "text": "Hello."},
        {"type": "tool_use", "id": "toolu_1", "name": "look", "input": {"a": 1}},
    ]
    message = {"type": "message", "content": content, "stop_reason": "tool_use"}
    message["usage"] = {"input_tokens": 3, "output_tokens": 4}

    for sent in (json.dumps(message).encode(), json.dumps(message, indent=1).encode()):
        deltas, reader = read_whole(sent)

        assert (reasoning_of(deltas), text_of(deltas)) == ("Hm.", "Hello.")
        assert [each.arguments for each in deltas if isinstance(each, ToolUse)] == ['{"a":1}']
        assert reader.items[:2] == tuple(content[:2])
        assert UsageDelta(3, 4) in deltas
        assert deltas[-1] == Finish("tool_calls")


def test_values_that_cannot_be_stored_are_replaced() -> None:
    pieces = b"".join(
        b'event: content_block_delta\ndata: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta",'
        b'"text":"%s"}}\n\n' % piece
        for piece in (b"a\\ud83d", b"\\ude00b", b"\\u0000", b"\\ud83d", b"c")
    )
    call = tool(1, "look", '{"a\\u0000": "\\ud800", "b": 1e999, "c": 123456789012345678901234567890}')

    deltas, reader = read_whole(begin() + pieces + call + end("tool_use"))

    assert text_of(deltas) == "a😀b\ufffd\ufffdc"
    assert reader.items[0]["text"] == "a😀b\ufffd\ufffdc"
    assert reader.items[1]["input"] == {"a\ufffd": "\ufffd", "b": None, "c": 123456789012345678901234567890.0}
    json.dumps(reader.items, allow_nan=False, ensure_ascii=False).encode()


@pytest.mark.parametrize(
    "value", ["5", '"x"', "[]", "null", "1e999", "-1", "99999999999999999999", "true", '{"a":[]}']
)
def test_fields_of_any_type_are_handled(value: str) -> None:
    for field in ("type", "index", "delta", "content_block", "message", "usage"):
        fields = {"type": '"content_block_delta"', "index": "0", "delta": '{"text": "a"}'} | {field: value}
        odd = ", ".join(f'"{name}": {given}' for name, given in fields.items())
        deltas, reader = read([begin() + b"data: {%s}\n\n" % odd.encode() + text(3, "Hi") + end()])

        assert reader.failure is None
        assert text_of(deltas).endswith("Hi")


def test_an_endless_message_is_aborted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readers, "MAX_BYTES", 1000)

    _, reader = read([begin()] + [event("ping")] * 100)

    assert reader.failure is not None
    assert "answer was abandoned" in reader.failure.message


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_bytes_broken_anywhere_are_an_answer_or_one_of_the_errors(data: st.DataObject) -> None:
    sent = bytearray(data.draw(stream()))
    for place in data.draw(st.lists(st.integers(0, len(sent) - 1), max_size=4)):
        sent[place] = data.draw(st.integers(0, 255))

    deltas, reader = read(data.draw(cut(bytes(sent))))

    finished = sum(isinstance(each, Finish) for each in deltas)
    assert finished == (0 if reader.failure or reader.is_paused else 1)
    json.dumps(reader.items, allow_nan=False, ensure_ascii=False).encode()
