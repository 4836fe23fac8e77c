"""Tool calls in every shape that servers have been seen to send."""

from __future__ import annotations

import json
from typing import Any

import pytest

from chat.providers.base import (
    MAX_ARGUMENT_BYTES,
    MAX_CALLS,
    Delta,
    Finish,
    Incomplete,
    OutputItems,
    ReasoningDelta,
    TextDelta,
    ToolCalled,
    ToolDelta,
    ToolUse,
    UsageDelta,
)
from chat.providers.openai.event_reader import MAX_SILENT_BYTES
from chat.providers.openai.reader import AnswerReader
from tests.providers.joined import joined

TOOLS = ("get_weather", "search", "get_time")


def sse(*chunks: object, done: bool = True) -> bytes:
    events = [f"data: {json.dumps(chunk)}\n\n" for chunk in chunks]
    return "".join([*events, *["data: [DONE]\n\n"] * done]).encode()


def delta(finish: str | None = None, **fields: object) -> dict[str, Any]:
    return {"choices": [{"index": 0, "delta": fields, "finish_reason": finish}]}


def call(
    index: int | None = None, id: str | None = None, name: str | None = None, arguments: object = None, **more: object
) -> dict[str, Any]:
    function = {key: value for key, value in (("name", name), ("arguments", arguments)) if value is not None}
    place = {key: value for key, value in (("index", index), ("id", id)) if value is not None}
    return {**place, "function": function, **more}


def calls(*each: dict[str, Any], **fields: object) -> dict[str, Any]:
    return delta(tool_calls=list(each), **fields)


def end(reason: str | None = "tool_calls", **fields: object) -> dict[str, Any]:
    return delta(reason, **fields)


def read(*pieces: bytes, tools: tuple[str, ...] = TOOLS, **options: Any) -> tuple[list[Delta], AnswerReader]:
    reader = AnswerReader(tools=tools, **options)
    deltas = [each for piece in pieces for each in reader.feed(piece)]
    if not reader.done and reader.failure is None:
        deltas += reader.close()
    return joined(each for each in deltas if not isinstance(each, ToolDelta)), reader


def called(deltas: list[Delta]) -> list[tuple[str, str]]:
    return [(each.name, each.arguments) for each in deltas if isinstance(each, ToolUse)]


def message_of(deltas: list[Delta]) -> dict[str, Any]:
    [items] = [each for each in deltas if isinstance(each, OutputItems)]
    [message] = items.items
    return dict(message)


W, S = ("get_weather", '{"city":"Rome"}'), ("search", '{"q":"Bär 😀"}')
SHAPES: dict[str, tuple[list[dict[str, Any]], list[tuple[str, str]]]] = {
    "as specified": (
        [
            calls(call(0, "call_1", "get_weather", ""), role="assistant", content=None),
            calls(call(0, arguments='{"city"')),
            calls(call(0, arguments=':"Rome"}')),
            calls(call(1, "call_2", "search", "")),
            calls(call(1, arguments=S[1])),
        ],
        [W, S],
    ),
    "interleaved": (
        [
            calls(call(0, "a", "get_weather", ""), call(1, "b", "search", "")),
            calls(call(0, arguments='{"city"'), call(1, arguments=S[1][:5])),
            calls(call(1, arguments=S[1][5:]), call(0, arguments=':"Rome"}')),
        ],
        [W, S],
    ),
    "whole calls, one chunk, without index": ([calls(call(None, "a", *W), call(None, "b", *S))], [W, S]),
    "whole calls, many chunks, without index": ([calls(call(None, "a", *W)), calls(call(None, "b", *S))], [W, S]),
    "whole calls, one chunk, without index and id": ([calls(call(None, None, *W), call(None, None, *S))], [W, S]),
    "whole calls, many chunks, without index and id": (
        [calls(call(None, None, *W)), calls(call(None, "", *S))],
        [W, S],
    ),
    "the same tool twice without index and id": (
        [calls(call(None, None, *W), call(None, None, *W)), calls(call(None, None, *W))],
        [W, W, W],
    ),
    "pieces without index": (
        [
            calls(call(None, "a", "get_weather", '{"city"')),
            calls(call(None, arguments=':"Rome"}')),
            calls(call(None, "b", "search", S[1][:4])),
            calls(call(None, arguments=S[1][4:])),
        ],
        [W, S],
    ),
    "index 0 for all, with ids": ([calls(call(0, "a", *W)), calls(call(0, "b", *S))], [W, S]),
    "index 0 for all, with ids, in pieces": (
        [
            calls(call(0, "a", "get_weather", '{"city"')),
            calls(call(0, arguments=':"Rome"}')),
            calls(call(0, "b", "search", S[1][:4])),
            calls(call(0, arguments=S[1][4:])),
        ],
        [W, S],
    ),
    "index 0 for all, without ids": ([calls(call(0, None, *W)), calls(call(0, "", *S))], [W, S]),
    "index 0 for all, one tool, without ids": (
        [calls(call(0, None, *W)), calls(call(0, None, "get_weather", '{"city":"Oslo"}'))],
        [W, ("get_weather", '{"city":"Oslo"}')],
    ),
    "one id for all": ([calls(call(0, "a", *W)), calls(call(1, "a", *S))], [W, S]),
    "a wrong index on continuation": (
        [
            calls(call(0, "a", "get_weather", "")),
            calls(call(1, arguments='{"city":')),
            calls(call(2, arguments='"Rome"}')),
        ],
        [W],
    ),
    "the id on every piece": (
        [calls(call(0, "a", "get_weather", '{"city":')), calls(call(0, "a", arguments='"Rome"}'))],
        [W],
    ),
    "the id on every piece, the index wrong": (
        [
            calls(call(0, "a", "get_weather", '{"city":')),
            calls(call(1, "b", "search", S[1][:4])),
            calls(call(0, "b", arguments=S[1][4:])),
            calls(call(1, "a", arguments='"Rome"}')),
        ],
        [W, S],
    ),
    "the name on every piece": (
        [calls(call(0, "a", "get_weather", '{"city":')), calls(call(0, None, "get_weather", '"Rome"}'))],
        [W],
    ),
    "the name in pieces": (
        [calls(call(0, "a", "get_", "")), calls(call(0, None, "weather")), calls(call(0, arguments=W[1]))],
        [W],
    ),
    "a name that grows": ([calls(call(0, "a", "get_")), calls(call(0, "a", "get_weather", W[1]))], [W]),
    "an id that is a number, an index that is none": ([calls({**call(None, None, *W), "id": 7, "index": "0"})], [W]),
    "arguments as an object": (
        [calls(call(0, "a", "get_weather", {"city": "Rome"}), call(1, "b", "search", {"q": "Bär 😀"}))],
        [("get_weather", '{"city": "Rome"}'), ("search", '{"q": "Bär 😀"}')],
    ),
    "an empty object before the pieces": (
        [calls(call(0, "a", "get_weather", {})), calls(call(0, arguments=W[1]))],
        [W],
    ),
    "no arguments": (
        [calls(call(0, "a", "get_time"), call(1, "b", "get_time", ""), call(2, "c", "get_time", None))],
        [("get_time", "{}")] * 3,
    ),
    "the legacy field": (
        [
            delta(function_call={"name": "get_weather", "arguments": ""}),
            delta(function_call={"arguments": '{"city":'}),
            delta(function_call={"arguments": '"Rome"}'}),
        ],
        [W],
    ),
    "without the object around": ([calls({"id": "a", "name": W[0], "arguments": W[1]})], [W]),
    "a whole message": (
        [{"choices": [{"message": {"content": None, "tool_calls": [call(None, "a", *W), call(None, "b", *S)]}}]}],
        [W, S],
    ),
    "a whole message after the deltas": (
        [
            calls(call(0, "a", "get_weather", "")),
            calls(call(0, arguments=W[1])),
            {"choices": [{"message": {"content": "", "tool_calls": [call(0, "a", *W)]}}]},
        ],
        [W],
    ),
    "everything once more at the end": (
        [calls(call(0, "a", *W)), calls(call(0, "a", *W)), calls(call(0, "", *W))],
        [W],
    ),
    "an unknown tool": ([calls(call(0, "a", "launch", "{}"))], [("launch", "{}")]),
    "broken arguments": ([calls(call(0, "a", "search", '{"q": '))], [("search", '{"q": ')]),
    "one without a name": ([calls(call(0, "a", "", "{}"), call(1, "b", *W))], [W]),
    "junk between": (
        [
            calls(call(0, "a", "search", S[1][:9])),
            delta(tool_calls=[None, 3, "x", [], {}, {"function": 1}]),
            delta(tool_calls={"x": 1}),
            calls(call(0, arguments=S[1][9:])),
        ],
        [S],
    ),
}


@pytest.mark.parametrize("shape", SHAPES)
def test_calls_of_every_shape_are_assembled(shape: str) -> None:
    chunks, expected = SHAPES[shape]
    deltas, reader = read(sse(*chunks, end()))

    assert reader.failure is None
    assert called(deltas) == expected
    assert deltas[-1] == Finish("tool_calls")
    uses = [each for each in deltas if isinstance(each, ToolUse)]
    sent = [(each["id"], each["function"]["name"]) for each in message_of(deltas)["tool_calls"]]
    assert sent == [(use.call_id, use.name) for use in uses]
    assert len({use.call_id for use in uses}) == len(uses)


@pytest.mark.parametrize("shape", SHAPES)
def test_it_reads_the_same_byte_by_byte(shape: str) -> None:
    chunks, expected = SHAPES[shape]
    data = sse(*chunks, end())

    assert called(read(*(bytes([byte]) for byte in data))[0]) == expected


ANSWER = [
    delta(role="assistant", reasoning_content="Hm "),
    delta(reasoning_content="🤔"),
    delta(content="Let me "),
    delta(content="look."),
    calls(call(0, "call_1", "get_weather", ""), content=""),
    calls(call(0, arguments='{"city":')),
    calls(call(0, arguments='"Zürich"}')),
    calls(call(1, "call_2", "search", "{}")),
    end(),
    {"choices": [], "usage": {"prompt_tokens": 9, "completion_tokens": 7}},
]


def ids_replaced(deltas: list[Delta]) -> str:
    """The deltas as text, with `1`, `2` and so on in place of the random ids."""
    text = repr(deltas)
    for number, use in enumerate((each for each in deltas if isinstance(each, ToolUse)), 1):
        text = text.replace(use.call_id, str(number))
    return text


def test_it_reads_the_same_when_split_at_any_byte() -> None:
    data = sse(*ANSWER)
    whole = ids_replaced(read(data)[0])

    for at in range(len(data)):
        assert ids_replaced(read(data[:at], data[at:])[0]) == whole


def test_the_order_is_text_calls_items_usage_finish() -> None:
    deltas, _ = read(sse(*ANSWER))

    assert [type(each) for each in deltas] == [
        *(ReasoningDelta, TextDelta, ToolUse, ToolUse, OutputItems, UsageDelta, Finish)
    ]
    assert deltas[-2] == UsageDelta(9, 7)
    first, second = (each.call_id for each in deltas if isinstance(each, ToolUse))
    assert message_of(deltas) == {
        "role": "assistant",
        "content": "Let me look.",
        "reasoning_content": "Hm 🤔",
        "tool_calls": [
            {
                "id": first,
                "type": "function",
                "function": {"name": "get_weather", "arguments": '{"city":"Zürich"}'},
            },
            {"id": second, "type": "function", "function": {"name": "search", "arguments": "{}"}},
        ],
    }


@pytest.mark.parametrize("field", ["reasoning_content", "reasoning", "thinking"])
def test_reasoning_is_sent_back_in_its_original_field(field: str) -> None:
    deltas, _ = read(sse(delta(**{field: "Hm."}), calls(call(0, "a", *W)), end()))

    assert message_of(deltas)[field] == "Hm."


def test_reasoning_details_of_openrouter_are_sent_back_merged() -> None:
    text = {"type": "reasoning.text", "format": "anthropic-claude-v1", "index": 0}
    secret = {"type": "reasoning.encrypted", "data": "gAAAA", "id": "rs_1", "index": 1}
    deltas, _ = read(
        sse(
            delta(reasoning="I ", reasoning_details=[{**text, "text": "I "}]),
            delta(reasoning="weigh.", reasoning_details=[{**text, "text": "weigh."}]),
            delta(reasoning_details=[{**text, "text": "", "signature": "sig"}, secret]),
            calls(call(0, "a", *W)),
            end(),
        )
    )

    assert [each.text for each in deltas if isinstance(each, ReasoningDelta)] == ["I weigh."]
    assert message_of(deltas)["reasoning_details"] == [{**text, "text": "I weigh.", "signature": "sig"}, secret]
    assert "reasoning" not in message_of(deltas)


def test_a_thought_signature_goes_back_with_its_call() -> None:
    extra = {"google": {"thought_signature": "CtoB"}}
    deltas, _ = read(sse(calls(call(0, "a", *W, extra_content=extra), call(1, "b", *S)), end()))

    assert [each.get("extra_content") for each in message_of(deltas)["tool_calls"]] == [extra, None]


def test_invalid_calls_are_sent_back_repaired() -> None:
    deltas, _ = read(sse(calls(call(0, "a", "functions.search v2", '{"q": ')), end()))

    assert called(deltas) == [("functions.search v2", '{"q": ')]
    [sent] = message_of(deltas)["tool_calls"]
    assert sent["function"] == {"name": "functions_search_v2", "arguments": "{}"}


@pytest.mark.parametrize(
    ("chunks", "finish"),
    [
        ([calls(call(0, "a", *W)), end("stop")], "tool_calls"),
        ([calls(call(0, "a", *W)), end("function_call")], "tool_calls"),
        ([delta("tool_calls", tool_calls=[call(0, "a", *W)])], "tool_calls"),
        ([calls(call(0, "a", *W)), delta(content="And?"), end("tool_calls")], "tool_calls"),
        ([calls(call(0, "a", *W)), delta(content="And?"), end("stop")], "tool_calls"),
        ([delta(content="hi"), end("tool_calls")], "stop"),
        ([calls(call(0, "a", *W)), end("length")], "length"),
        ([calls(call(0, "a", *W)), end("tool_calls"), end("length")], "length"),
        ([calls(call(0, "a", *W)), end("length"), end("tool_calls")], "length"),
        ([calls(call(0, "a", *W)), end("content_filter")], "content_filter"),
        # A tool that the server runs itself, and the answer.
        ([calls(call(0, "a", "web", "{}")), delta(content="hi"), end("stop")], "stop"),
        ([calls(call(0, "a", "web", "{}")), end("stop")], "tool_calls"),
    ],
)
def test_calls_need_a_proper_finish_reason(chunks: list[dict[str, Any]], finish: str) -> None:
    deltas, reader = read(sse(*chunks))

    assert reader.failure is None
    assert deltas[-1] == Finish(finish)  # type: ignore[arg-type]
    assert bool(called(deltas)) == any(isinstance(each, OutputItems) for each in deltas) == (finish == "tool_calls")


@pytest.mark.parametrize("done", [True, False])
@pytest.mark.parametrize("ending", [[], [end("error")], [end("malformed_function_call")]])
def test_without_a_proper_finish_reason_there_is_no_call(ending: list[dict[str, Any]], done: bool) -> None:
    deltas, reader = read(sse(calls(call(0, "a", *W)), *ending, done=done))

    assert called(deltas) == []
    assert isinstance(reader.failure, Incomplete)


def test_a_finish_reason_followed_by_more_of_a_call_is_ignored() -> None:
    chunks = [calls(call(0, "a", "search", '{"q":')), end(), calls(call(0, arguments='"x"'))]
    broken, reader = read(sse(*chunks, done=False))
    whole, _ = read(sse(*chunks, calls(call(0, arguments="}")), end(), done=False))

    assert called(broken) == []
    assert isinstance(reader.failure, Incomplete)
    assert called(whole) == [("search", '{"q":"x"}')]


def test_a_stream_that_breaks_off_makes_no_call() -> None:
    data = sse(*ANSWER)
    for at in range(data.index(b'"finish_reason": "tool_calls"')):
        deltas, reader = read(data[:at])
        assert called(deltas) == []
        assert isinstance(reader.failure, Incomplete)


def test_an_unstreamed_completion_is_read() -> None:
    message = {"role": "assistant", "content": None, "reasoning": "Hm.", "tool_calls": [call(None, "a", *W)]}
    body = json.dumps({"choices": [{"message": message, "finish_reason": "tool_calls"}]}).encode()

    deltas, reader = read(body)

    assert reader.failure is None
    assert called(deltas) == [W]
    assert message_of(deltas)["reasoning"] == "Hm."


def test_text_that_was_held_back_comes_before_the_calls() -> None:
    deltas, _ = read(sse(delta(content="a <"), calls(call(0, "a", *W)), end()))

    assert [type(each) for each in deltas] == [TextDelta, ToolUse, OutputItems, Finish]
    assert message_of(deltas)["content"] == "a <"


LONG = '{"text":"' + "x" * MAX_ARGUMENT_BYTES + '"}'
WIDE = '{"text":"' + "ä" * (MAX_ARGUMENT_BYTES // 2) + '"}'


@pytest.mark.parametrize("arguments", [LONG, WIDE])
def test_overlong_arguments_are_dropped(arguments: str) -> None:
    pieces = [calls(call(0, arguments=arguments[at : at + 999])) for at in range(0, len(arguments), 999)]
    deltas, reader = read(sse(calls(call(0, "a", "search")), *pieces, calls(call(1, "b", *W)), end()))

    assert reader.failure is None
    long, short = (each for each in deltas if isinstance(each, ToolUse))
    assert (long.name, long.arguments, long.is_too_long, long.has_object) == ("search", "", True, False)
    assert (short.arguments, short.is_too_long) == (W[1], False)
    assert message_of(deltas)["tool_calls"][0]["function"]["arguments"] == "{}"


def test_arguments_just_within_the_bound_are_whole() -> None:
    arguments = '{"text":"' + "x" * (MAX_ARGUMENT_BYTES - 11) + '"}'
    deltas, _ = read(sse(calls(call(0, "a", "search", arguments)), end()))

    assert called(deltas) == [("search", arguments)]


def test_excess_calls_are_ignored_and_change_no_other() -> None:
    chunks = [calls(call(number, f"id{number}", "search", '{"n":')) for number in range(MAX_CALLS + 2)]
    more = [calls(call(number, arguments=f"{number}}}")) for number in range(MAX_CALLS + 2)]
    deltas, reader = read(sse(*(each for pair in zip(chunks, more, strict=True) for each in pair), end()))

    assert reader.failure is None
    assert called(deltas) == [("search", f'{{"n":{number}}}') for number in range(MAX_CALLS)]


def test_an_endless_argument_is_aborted() -> None:
    reader = AnswerReader(tools=TOOLS)
    reader.feed(sse(calls(call(0, "a", "search")), done=False))
    piece = sse(calls(call(0, arguments="x" * 2**20)), done=False)
    fed = 0
    while reader.failure is None and fed < 3 * MAX_SILENT_BYTES:
        reader.feed(piece)
        fed += len(piece)

    assert reader.failure is not None
    assert fed <= MAX_SILENT_BYTES + 3 * len(piece)


def test_call_deltas_count_as_progress() -> None:
    reader = AnswerReader(tools=TOOLS)

    begun = reader.feed(sse(calls(call(0, "a", "search", "")), done=False))
    twice = reader.feed(sse(calls(call(0, arguments='{"q":')), calls(call(0, arguments='"x')), done=False))
    nothing = reader.feed(b": still here\n\n")
    last = reader.feed(sse(calls(call(0, arguments='"}')), end()))

    assert begun == [ToolDelta("search", 0)]
    assert twice == [ToolDelta("search", 7)]
    assert nothing == []
    assert not any(isinstance(each, ToolDelta) for each in last)


def test_a_server_that_repeats_braces_is_read_in_good_time() -> None:
    # Each piece might start the next call.
    chunks = [calls(call(0, "a", "search", "{}"))] * 50_000
    _, reader = read(sse(*chunks, end()))

    assert reader.failure is None


@pytest.mark.parametrize("text", ["", "Not quite: "])
def test_a_call_while_tools_are_off_is_dropped_or_an_error(text: str) -> None:
    chunks = [*([delta(content=text)] if text else []), calls(call(0, "a", *W)), end()]
    deltas, reader = read(sse(*chunks), are_off=True)

    assert called(deltas) == []
    if text:
        assert deltas == [TextDelta(text), Finish("stop")]
    else:
        assert isinstance(reader.failure, ToolCalled)


@pytest.mark.parametrize(
    ("usage", "counted"),
    [
        (
            {"prompt_tokens": 9, "completion_tokens": 7, "prompt_tokens_details": {"cached_tokens": 4}},
            UsageDelta(9, 7, 4),
        ),
        ({"prompt_tokens": 9, "completion_tokens": 7, "prompt_cache_hit_tokens": 5}, UsageDelta(9, 7, 5)),
        ({"prompt_tokens": 9, "completion_tokens": 7, "cached_tokens": 6}, UsageDelta(9, 7, 6)),
        (
            {"prompt_tokens": 9, "completion_tokens": 7, "completion_tokens_details": {"reasoning_tokens": 3}},
            UsageDelta(9, 7, 0, 3),
        ),
        (
            {
                "prompt_tokens": 9,
                "completion_tokens": 7,
                "total_tokens": 19,
                "completion_tokens_details": {"reasoning_tokens": 3},
            },
            UsageDelta(9, 10, 0, 3),
        ),
        (
            {"prompt_tokens": 9, "completion_tokens": 7, "prompt_tokens_details": 3, "completion_tokens_details": []},
            UsageDelta(9, 7),
        ),
        (
            {"prompt_tokens": 9, "completion_tokens": 7, "prompt_tokens_details": {"cached_tokens": "x"}},
            UsageDelta(9, 7),
        ),
    ],
)
def test_usage_has_its_details(usage: dict[str, Any], counted: UsageDelta) -> None:
    deltas, _ = read(sse(delta("stop", content="hi"), {"choices": [], "usage": usage}))

    assert deltas == [TextDelta("hi"), counted, Finish("stop")]
