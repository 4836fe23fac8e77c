"""Events of the Responses API, in the shapes that servers send."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chat.providers.base import (
    MAX_ARGUMENT_BYTES,
    MAX_CALLS,
    Delta,
    Finish,
    Incomplete,
    OutputItems,
    ProviderError,
    QuotaExceeded,
    ReasoningDelta,
    TextDelta,
    ToolCalled,
    ToolDelta,
    ToolUse,
    UsageDelta,
)
from chat.providers.openai.responses_reader import ResponsesReader
from tests.providers.joined import joined

TOOLS = ("search", "weather")
Event = dict[str, Any]


def event(kind: str, place: int | None = None, **fields: object) -> Event:
    at = {} if place is None else {"output_index": place, "item_id": f"changes_{kind}"}
    return {"type": f"response.{kind}" if kind != "error" else kind, **at, **fields}


def added(place: int, **item: object) -> Event:
    return event("output_item.added", place, item={"id": f"a{place}", "status": "in_progress", **item})


def done(place: int, **item: object) -> Event:
    return event("output_item.done", place, item={"id": f"b{place}", "status": "completed", **item})


def said(text: str, place: int = 0) -> Event:
    return event("output_text.delta", place, content_index=0, delta=text, logprobs=[], obfuscation="xxx")


def message(text: str, **more: object) -> dict[str, Any]:
    return {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": text}], **more}


def call(name: str, arguments: str, call_id: str = "call_1") -> dict[str, Any]:
    return {"type": "function_call", "call_id": call_id, "name": name, "arguments": arguments}


def end(status: str = "completed", **response: object) -> Event:
    return event(status, response={"id": "resp_1", "status": status, "output": [], **response})


def sse(*events: Event, named: bool = True) -> bytes:
    names = (f"event: {each['type']}\n" if named else "" for each in events)
    return "".join(f"{name}data: {json.dumps(each)}\n\n" for name, each in zip(names, events, strict=True)).encode()


def read(*pieces: bytes, tools: tuple[str, ...] = TOOLS, **options: Any) -> tuple[list[Delta], ResponsesReader]:
    reader = ResponsesReader(tools=tools, **options)
    deltas = [each for piece in pieces for each in reader.feed(piece)]
    if not reader.done and reader.failure is None:
        deltas += reader.close()
    return joined(each for each in deltas if not isinstance(each, ToolDelta)), reader


def called(deltas: list[Delta]) -> list[tuple[str, str]]:
    return [(each.name, each.arguments) for each in deltas if isinstance(each, ToolUse)]


def items_of(deltas: list[Delta]) -> list[dict[str, Any]]:
    [items] = [each for each in deltas if isinstance(each, OutputItems)]
    return [dict(item) for item in items.items]


REASONING = {"type": "reasoning", "summary": [{"type": "summary_text", "text": "Hm 🤔"}], "encrypted_content": "gAA"}
USAGE = {
    "input_tokens": 9,
    "input_tokens_details": {"cached_tokens": 4},
    "output_tokens": 7,
    "output_tokens_details": {"reasoning_tokens": 3},
}
ANSWER = [
    event("created", response={"status": "in_progress", "output": [], "tools": [{"name": "search"}]}),
    event("in_progress", response={"status": "in_progress"}),
    added(0, type="reasoning", summary=[]),
    event("reasoning_summary_part.added", 0, summary_index=0, part={"type": "summary_text", "text": ""}),
    event("reasoning_summary_text.delta", 0, summary_index=0, delta="Hm "),
    event("reasoning_summary_text.delta", 0, summary_index=0, delta="🤔"),
    event("reasoning_summary_text.done", 0, summary_index=0, text="Hm 🤔"),
    done(0, **REASONING),
    added(1, type="message", role="assistant", content=[], phase="commentary"),
    event("content_part.added", 1, content_index=0, part={"type": "output_text", "text": ""}),
    said("Let me ", 1),
    said("look.", 1),
    event("output_text.done", 1, content_index=0, text="Let me look."),
    done(1, **message("Let me look.", phase="commentary")),
    added(2, **call("search", "")),
    event("function_call_arguments.delta", 2, delta='{"q":'),
    event("function_call_arguments.delta", 2, delta='"Zürich"}'),
    event("function_call_arguments.done", 2, arguments='{"q":"Zürich"}', name="search"),
    done(2, **call("search", '{"q":"Zürich"}')),
    added(3, **call("weather", "", "call_2")),
    done(3, **call("weather", "{}", "call_2")),
    end(usage=USAGE),
]


def ids_replaced(deltas: list[Delta]) -> str:
    text = repr(deltas)
    for number, use in enumerate((each for each in deltas if isinstance(each, ToolUse)), 1):
        text = text.replace(use.call_id, str(number))
    return text


def test_it_reads_a_complete_answer() -> None:
    deltas, reader = read(sse(*ANSWER))

    assert reader.done
    first, second = (each.call_id for each in deltas if isinstance(each, ToolUse))
    assert deltas == [
        ReasoningDelta("Hm 🤔"),
        TextDelta("Let me look."),
        ToolUse(first, "search", '{"q":"Zürich"}'),
        ToolUse(second, "weather", "{}"),
        OutputItems(
            (
                REASONING,
                message("Let me look.", phase="commentary"),
                call("search", '{"q":"Zürich"}', first),
                call("weather", "{}", second),
            )
        ),
        UsageDelta(9, 7, 4, 3),
        Finish("tool_calls"),
    ]


def test_it_reads_the_same_when_split_at_any_byte() -> None:
    data = sse(*ANSWER)
    whole = ids_replaced(read(data)[0])

    for at in range(len(data)):
        assert ids_replaced(read(data[:at], data[at:])[0]) == whole
    assert ids_replaced(read(*(bytes([byte]) for byte in data))[0]) == whole
    assert ids_replaced(read(sse(*ANSWER, named=False))[0]) == whole


def test_a_stream_that_breaks_off_is_incomplete_and_makes_no_call() -> None:
    data = sse(*ANSWER)
    for at in range(data.index(b"event: response.completed")):
        deltas, reader = read(data[:at])
        assert called(deltas) == []
        assert isinstance(reader.failure, Incomplete)


def test_done_without_an_end_is_incomplete() -> None:
    deltas, reader = read(sse(said("hi")) + b"data: [DONE]\n\n")

    assert deltas == [TextDelta("hi")]
    assert isinstance(reader.failure, Incomplete)


@pytest.mark.parametrize(
    ("events", "text"),
    [
        ([said("hi")], "hi"),
        ([said("hi"), event("output_text.done", 0, text="hi"), done(0, **message("hi"))], "hi"),
        # Only the whole text.
        ([done(0, **message("hi"))], "hi"),
        ([end(output=[message("hi")])], "hi"),
        ([end(output=[message("hi"), message("you")])], "hi\n\nyou"),
        # Two messages.
        ([added(0, **message("")), said("hi"), added(1, **message("")), said("you", 1)], "hi\n\nyou"),
        ([added(0, **message("")), added(1, **message("")), said("you", 1)], "you"),
        # No output index.
        ([{"type": "response.output_text.delta", "delta": "hi"}], "hi"),
        ([{"type": "response.output_text.delta", "delta": "h\ud83d"}, said("\ude00i")], "h😀i"),
        # Fields of other types.
        ([{"type": "response.output_text.delta", "delta": {"text": "x"}}, said("hi")], "hi"),
        ([{"type": "response.output_text.delta", "delta": "hi", "output_index": "0"}], "hi"),
        ([{"type": "response.new_thing.delta", "delta": [1]}, {"type": "keepalive"}, said("hi")], "hi"),
        ([added(0, type=["x"]), event("output_item.done", 0, item=[3]), said("hi")], "hi"),
    ],
)
def test_text_is_text_in_whatever_form_it_comes(events: list[Event], text: str) -> None:
    deltas, reader = read(sse(*events, *([] if events[-1]["type"] == "response.completed" else [end()])))

    assert reader.failure is None
    assert deltas == [TextDelta(text), Finish("stop")]


@pytest.mark.parametrize(
    ("events", "thought"),
    [
        (
            [
                event("reasoning_summary_text.delta", 0, summary_index=number, delta=f"part {number}")
                for number in (0, 1)
            ],
            "part 0\n\npart 1",
        ),
        ([event("reasoning_text.delta", 0, content_index=0, delta="Hm.")], "Hm."),
        ([done(0, **REASONING)], "Hm 🤔"),
        ([done(0, type="reasoning", summary=[], content=[{"type": "reasoning_text", "text": "Hm."}])], "Hm."),
    ],
)
def test_reasoning_is_its_summary_or_itself(events: list[Event], thought: str) -> None:
    deltas, _ = read(sse(*events, said("hi", 1), end()))

    assert deltas == [ReasoningDelta(thought), TextDelta("hi"), Finish("stop")]


@pytest.mark.parametrize(
    "events",
    [
        [added(0, **call("search", "")), done(0, **call("search", '{"q":1}'))],
        [added(0, **call("search", "")), event("function_call_arguments.delta", 0, delta='{"q":1}')],
        [added(0, **call("search", "")), event("function_call_arguments.done", 0, arguments='{"q":1}')],
        [done(0, **call("search", '{"q":1}'))],
        # The finished item takes precedence over its deltas.
        [
            added(0, **call("search", "")),
            event("function_call_arguments.delta", 0, delta='{"q":'),
            done(0, **call("search", '{"q":1}')),
        ],
        [end(output=[call("search", '{"q":1}')])],
    ],
)
def test_a_call_is_complete_with_any_of_its_events(events: list[Event]) -> None:
    deltas, reader = read(sse(*events, *([] if events[-1]["type"] == "response.completed" else [end()])))

    assert reader.failure is None
    assert called(deltas) == [("search", '{"q":1}')]
    assert deltas[-1] == Finish("tool_calls")


def test_interleaved_calls_do_not_mix() -> None:
    events = [
        added(0, **call("search", "")),
        added(1, **call("weather", "", "call_2")),
        event("function_call_arguments.delta", 1, delta='{"c":'),
        event("function_call_arguments.delta", 0, delta='{"q":1}'),
        event("function_call_arguments.delta", 1, delta="2}"),
    ]
    deltas, _ = read(sse(*events, end()))

    assert called(deltas) == [("search", '{"q":1}'), ("weather", '{"c":2}')]


def test_invalid_items_are_sent_back_repaired_or_dropped() -> None:
    events = [
        done(0, type="reasoning", summary=[]),
        done(1, type="web_search_call", action={"type": "search"}),
        done(2, **call("search now", '{"q":')),
    ]
    deltas, _ = read(sse(*events, end()))

    [sent] = items_of(deltas)
    assert (sent["name"], sent["arguments"]) == ("search_now", "{}")
    assert called(deltas) == [("search now", '{"q":')]


@pytest.mark.parametrize(
    ("ending", "reason"),
    [
        (end("incomplete", incomplete_details={"reason": "max_output_tokens"}), "length"),
        (end("incomplete", incomplete_details={"reason": "content_filter"}), "content_filter"),
    ],
)
def test_calls_of_a_truncated_answer_are_dropped(ending: Event, reason: str) -> None:
    deltas, reader = read(sse(said("hi"), done(1, **call("search", "{}")), ending))

    assert reader.failure is None
    assert deltas == [TextDelta("hi"), Finish(reason)]  # type: ignore[arg-type]


def test_a_refusal_is_text_and_makes_no_call() -> None:
    events = [event("refusal.delta", 0, delta="I would "), event("refusal.delta", 0, delta="rather not.")]
    deltas, _ = read(sse(*events, done(1, **call("search", "{}")), end()))

    assert deltas == [TextDelta("I would rather not."), Finish("refusal")]


QUOTA = {"code": "insufficient_quota", "message": "You exceeded your current quota."}


@pytest.mark.parametrize(
    ("ending", "kind"),
    [
        (event("error", error={"type": "insufficient_quota", **QUOTA}), QuotaExceeded),
        (event("error", **QUOTA, param=None), QuotaExceeded),
        (end("failed", error=QUOTA), QuotaExceeded),
        (end("failed", error=None), ProviderError),
        (event("failed"), ProviderError),
        (end("cancelled"), Incomplete),
        (event("cancelled"), Incomplete),
        (end("incomplete", incomplete_details=None), Incomplete),
        (end("incomplete", incomplete_details={"reason": "unheard_of"}), Incomplete),
        ({"type": "", "error": QUOTA}, QuotaExceeded),
    ],
)
def test_a_failure_is_an_error_and_keeps_the_text(ending: Event, kind: type[ProviderError]) -> None:
    deltas, reader = read(sse(said("hi"), done(1, **call("search", "{}")), ending, named=False))

    assert [each for each in deltas if not isinstance(each, UsageDelta)] == [TextDelta("hi")]
    assert isinstance(reader.failure, kind)
    assert reader.failure.message.endswith(".")


@pytest.mark.parametrize("options", [{"tools": ()}, {"are_off": True}])
@pytest.mark.parametrize("text", ["", "So: "])
def test_a_call_without_permission_is_an_error_or_dropped(options: dict[str, Any], text: str) -> None:
    events = [*([said(text)] if text else []), done(1, **call("search", "{}"))]
    deltas, reader = read(sse(*events, end()), **options)

    assert called(deltas) == []
    if text and options.get("are_off"):
        assert deltas == [TextDelta(text), Finish("stop")]
    else:
        assert isinstance(reader.failure, ToolCalled)


@pytest.mark.parametrize("piece", [999, MAX_ARGUMENT_BYTES * 2])
def test_overlong_arguments_are_dropped(piece: int) -> None:
    arguments = '{"text":"' + "x" * MAX_ARGUMENT_BYTES + '"}'
    pieces = [arguments[at : at + piece] for at in range(0, len(arguments), piece)]
    events = [event("function_call_arguments.delta", 0, delta=each) for each in pieces]
    deltas, _ = read(sse(added(0, **call("search", "")), *events, done(0, **call("search", arguments)), end()))

    [use] = (each for each in deltas if isinstance(each, ToolUse))
    assert (use.arguments, use.is_too_long) == ("", True)
    assert items_of(deltas)[0]["arguments"] == "{}"


def test_excess_calls_are_ignored() -> None:
    events = [done(place, **call("search", f'{{"n":{place}}}', f"call_{place}")) for place in range(MAX_CALLS * 5)]
    deltas, reader = read(sse(*events, end()))

    assert reader.failure is None
    assert len(called(deltas)) == len(items_of(deltas)) == MAX_CALLS


def test_call_deltas_count_as_progress() -> None:
    reader = ResponsesReader(tools=TOOLS)

    assert reader.feed(sse(added(0, **call("search", "")))) == [ToolDelta("search", 0)]
    assert reader.feed(sse(event("function_call_arguments.delta", 0, delta='{"q"'))) == [ToolDelta("search", 4)]
    assert reader.feed(sse({"type": "keepalive"})) == []


def test_an_unstreamed_response_is_read() -> None:
    output = [REASONING, message("Let me look."), call("search", "{}")]
    body = {"object": "response", "status": "completed", "error": None, "output": output, "usage": USAGE}

    deltas, reader = read(json.dumps(body).encode())

    assert reader.failure is None
    assert called(deltas) == [("search", "{}")]
    assert deltas[-2:] == [UsageDelta(9, 7, 4, 3), Finish("tool_calls")]


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b'{"error":{"message":"No such path"}}', "No such path"),
        (b'{"object":"list","data":[]}', "not a chat completion"),
        (b"{", "not JSON"),
        (b"", "empty"),
        (b"<html>", "web page"),
    ],
)
def test_an_invalid_response_is_described_in_the_error(body: bytes, says: str) -> None:
    deltas, reader = read(body)

    assert deltas == []
    assert reader.failure is not None
    assert says in reader.failure.message


KINDS = [
    "response.output_text.delta",
    "response.output_item.added",
    "response.output_item.done",
    "response.function_call_arguments.delta",
    "response.reasoning_summary_text.delta",
    "response.refusal.delta",
    "response.completed",
    "response.incomplete",
    "response.failed",
    "error",
]
NAMES = [
    "delta",
    "output_index",
    "item",
    "type",
    "content",
    "text",
    "name",
    "arguments",
    "call_id",
    "status",
    "summary",
]
ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.sampled_from(["message", "x"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=4),
    max_leaves=12,
)
EVENTS = st.fixed_dictionaries(
    {"type": st.sampled_from(KINDS)},
    optional={name: ANY_JSON for name in ("delta", "output_index", "item", "response", "error", "arguments")},
)


@settings(max_examples=300, deadline=None, derandomize=True, database=None)
@given(st.lists(EVENTS, max_size=5))
def test_json_of_any_shape_ends_in_an_answer_or_one_of_our_errors(events: list[Event]) -> None:
    deltas, reader = read(sse(*events, end()))

    assert reader.done == (reader.failure is None)
    assert reader.done == any(isinstance(delta, Finish) for delta in deltas)
    assert all(delta.text for delta in deltas if isinstance(delta, TextDelta | ReasoningDelta))
