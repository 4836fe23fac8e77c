from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chat.providers.base import Delta, Finish, Incomplete, ReasoningDelta, TextDelta, UsageDelta
from chat.providers.openai.event_reader import MAX_SILENT_BYTES
from chat.providers.openai.reader import AnswerReader
from tests.providers.joined import joined

STREAM = (
    ": processing\n\n"
    'data: {"choices":[],"prompt_filter_results":[]}\n\n'
    'data: {"choices":[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}],"usage":null}\n\n'
    'data: {"choices":[{"delta":{"reasoning_content":"Hm 🤔"}}]}\n\n'
    'data: {"choices":[{"delta":{"content":"Gr\\u00fc\\u00dfe \\ud83d"}}]}\n\n'
    'data: {"choices":[{"delta":{"content":"\\ude00!"}}]}\n\n'
    'data: {"choices":[{"delta":{"content":[{"type":"text","text":" 日本"}]}}]}\n\n'
    'data: {"choices":[{"delta":{},"finish_reason":"length"}]}\n\n'
    'data: {"choices":[],"usage":{"prompt_tokens":3,"completion_tokens":5,"total_tokens":8}}\n\n'
    "data: [DONE]\n\n"
).encode()
DELTAS: list[Delta] = [
    ReasoningDelta("Hm 🤔"),
    TextDelta("Grüße 😀! 日本"),
    UsageDelta(3, 5),
    Finish("length"),
]


# Three pieces in one read.
PIECES = b"".join(b'data: {"choices":[{"delta":{"content":"%c"}}]}\n\n' % letter for letter in b"abc")


def read(*chunks: bytes) -> tuple[list[Delta], AnswerReader]:
    reader = AnswerReader()
    deltas = [delta for chunk in chunks for delta in reader.feed(chunk)]
    if not reader.done and reader.failure is None:
        deltas += reader.close()
    return joined(deltas), reader


def test_it_reads_a_complete_answer() -> None:
    deltas, reader = read(STREAM)

    assert deltas == DELTAS
    assert reader.done


@pytest.mark.parametrize("at", range(len(STREAM) + 1))
def test_it_reads_the_same_when_split_at_any_byte(at: int) -> None:
    assert read(STREAM[:at], STREAM[at:])[0] == DELTAS


def test_it_reads_the_same_byte_by_byte() -> None:
    assert read(*(bytes([byte]) for byte in STREAM))[0] == DELTAS


@pytest.mark.parametrize("at", range(1, STREAM.index(b'data: {"choices":[{"delta":{},"finish_reason"'), 7))
def test_an_end_before_the_finish_reason_is_incomplete_and_a_prefix(at: int) -> None:
    deltas, reader = read(STREAM[:at])

    assert isinstance(reader.failure, Incomplete)
    assert not reader.done
    for delta, whole in zip(deltas, DELTAS, strict=False):
        assert isinstance(delta, TextDelta | ReasoningDelta)
        assert type(delta) is type(whole)
        assert whole.text.startswith(delta.text)


def test_neighbours_in_one_read_are_one_delta_that_counts_them() -> None:
    texts, thoughts = AnswerReader().feed(PIECES), AnswerReader().feed(PIECES.replace(b"content", b"reasoning"))

    assert texts == [TextDelta("abc")]
    assert thoughts == [ReasoningDelta("abc")]
    assert [getattr(delta, "pieces", None) for delta in (*texts, *thoughts)] == [3, 3]


def test_texts_and_thoughts_keep_their_order_in_one_read() -> None:
    thought, rest = PIECES.replace(b"content", b"reasoning"), b'data: {"choices":[],"usage":{"prompt_tokens":1}}\n\n'

    deltas = AnswerReader().feed(PIECES + thought + PIECES + rest + PIECES)

    said = [(type(delta), getattr(delta, "text", "")) for delta in deltas]
    text = (TextDelta, "abc")
    assert said == [text, (ReasoningDelta, "abc"), text, (UsageDelta, ""), text]


def test_an_end_after_the_finish_reason_is_complete() -> None:
    deltas, reader = read(STREAM[: STREAM.index(b"completion_tokens")])

    assert deltas == [*DELTAS[:2], Finish("length")]
    assert reader.failure is None


def test_nothing_is_read_after_done() -> None:
    deltas, _ = read(STREAM + b'data: {"choices":[{"delta":{"content":"more"}}]}\n\n')

    assert deltas == DELTAS


def test_text_before_an_error_in_the_same_bytes_is_kept() -> None:
    deltas, reader = read(b'data: {"choices":[{"delta":{"content":"a"}}]}\n\ndata: {"error":"out of memory"}\n\n')

    assert deltas == [TextDelta("a")]
    assert reader.failure is not None
    assert "out of memory" in reader.failure.message


@pytest.mark.parametrize("payload", ["[]", "3", "null", '"text"', "{", "oops", '{"a":' * 100_000])
def test_a_payload_that_is_not_an_object_is_reported_as_not_json(payload: str) -> None:
    _, reader = read(f"data: {payload}\n\n".encode())

    assert reader.failure is not None
    assert (reader.failure.code, reader.failure.retryable) == ("provider_error", True)
    assert "not JSON" in reader.failure.message


@pytest.mark.parametrize(
    "chunk",
    [
        '{"choices":[{"delta":{"content":"x","reasoning":{"a":1}},"finish_reason":null}]}',
        '{"choices":[{"delta":{"content":"x"},"logprobs":{"content":[]}}],"usage":"none"}',
        '{"choices":[{"delta":{"content":"x"}}],"usage":{"prompt_tokens":"many","completion_tokens":-1}}',
        '{"choices":[{"delta":{"content":"x"}}],"usage":{"prompt_tokens":true,"completion_tokens":0.0}}',
        '{"choices":[{"delta":{"content":[{"type":"text","text":"x"},{"type":"image"},4]}}],"object":5}',
        '{"choices":[{"delta":{"content":"x","tool_calls":[{}]}},{"delta":{"content":"second choice"}}]}',
        '{"choices":[{"message":{"content":"x"}}]}',
    ],
)
def test_fields_of_an_unexpected_type_are_ignored(chunk: str) -> None:
    deltas, reader = read(f"data: {chunk}\n\ndata: [DONE]\n\n".encode())

    assert [delta for delta in deltas if isinstance(delta, TextDelta)] == [TextDelta("x")]
    assert deltas[-1] == Finish("stop")
    assert reader.failure is None


def test_usage_that_does_not_change_is_given_once() -> None:
    chunk = b'data: {"choices":[{"delta":{"content":"a"}}],"usage":{"prompt_tokens":1,"completion_tokens":1}}\n\n'

    deltas, _ = read(chunk * 3 + b"data: [DONE]\n\n")

    assert deltas.count(UsageDelta(1, 1)) == 1


@pytest.mark.parametrize("body", [b'{"object":"list","data":[]}', b"{}", b'{"detail":"Not here"}'])
def test_json_other_than_a_completion_is_refused(body: bytes) -> None:
    _, reader = read(body)

    assert reader.failure is not None
    assert "not a chat completion" in reader.failure.message


LARGEST = 2**31 - 1
NUMBERS = {
    "-1": 0, "3000000000": LARGEST, "100000000000000000000": LARGEST, "1e20": LARGEST, "1e999": LARGEST, "-1e999": 0,
    "Infinity": LARGEST, "-Infinity": 0, "9" * 5_000: LARGEST, "-" + "9" * 5_000: 0, "12.7": 12, "NaN": 0, "true": 0,
    '"12"': 0, "null": 0, "[1]": 0, '{"n": {"n": 1}}': 0,
}  # fmt: skip
STRANGE = [
    "-1",
    "1e999",
    "NaN",
    "9" * 5_000,
    "12.7",
    "true",
    '"12"',
    "null",
    '{"n": {"n": 1}}',
    "[" * 5_000 + "]" * 5_000,
    '{"a":' * 5_000 + "1" + "}" * 5_000,
    '"\\ud83d"',
]


def one(**fields: str) -> bytes:
    """A stream of one chunk with a text, a finish reason and these extra fields."""
    beside = "".join(f',"{name}":{value}' for name, value in fields.items())
    chunk = f'{{"choices":[{{"delta":{{"content":"hi"}},"finish_reason":"stop"}}]{beside}}}'
    return f"data: {chunk}\n\ndata: [DONE]\n\n".encode()


@pytest.mark.parametrize(("number", "counted"), NUMBERS.items(), ids=lambda value: str(value)[:24])
@pytest.mark.parametrize("name", ["prompt_tokens", "completion_tokens"])
def test_odd_token_counts_lose_no_text(name: str, number: str, counted: int) -> None:
    other = "completion_tokens" if name == "prompt_tokens" else "prompt_tokens"
    deltas, reader = read(one(usage=f'{{"{name}":{number},"{other}":5}}'))

    assert reader.failure is None
    usage = UsageDelta(counted, 5) if name == "prompt_tokens" else UsageDelta(5, counted)
    assert deltas == [TextDelta("hi"), usage, Finish("stop")]


@pytest.mark.parametrize("value", STRANGE, ids=lambda value: value[:24])
@pytest.mark.parametrize(
    "name", ["usage", "id", "created", "index", "model", "object", "x_groq", "system_fingerprint"]
)
def test_odd_fields_beside_the_text_lose_no_text(name: str, value: str) -> None:
    deltas, reader = read(one(**{name: value}))

    assert reader.failure is None
    assert deltas == [TextDelta("hi"), Finish("stop")]


@pytest.mark.parametrize("value", STRANGE, ids=lambda value: value[:24])
@pytest.mark.parametrize("name", ["index", "logprobs", "message", "score", "usage", "error_code"])
def test_odd_fields_beside_the_delta_lose_no_text(name: str, value: str) -> None:
    chunk = f'{{"choices":[{{"{name}":{value},"delta":{{"role":{value},"content":"hi"}}}}]}}'
    deltas, reader = read(f"data: {chunk}\n\ndata: [DONE]\n\n".encode())

    assert reader.failure is None
    assert deltas == [TextDelta("hi"), Finish("stop")]


@pytest.mark.parametrize("value", [*(value for value in STRANGE if value != "null"), '"%s"' % ("x" * 500)])
def test_an_unknown_finish_reason_is_incomplete_and_loses_no_text(value: str) -> None:
    chunk = f'{{"choices":[{{"finish_reason":{value},"delta":{{"content":"hi"}}}}]}}'
    deltas, reader = read(f"data: {chunk}\n\ndata: [DONE]\n\n".encode())

    assert deltas == [TextDelta("hi")]
    assert isinstance(reader.failure, Incomplete)
    assert len(reader.failure.message) < 200


@pytest.mark.parametrize(
    "error",
    [
        '{"code":%s}' % ("9" * 5_000), '{"code":"%s"}' % ("9" * 5_000), '{"code":"\u00b2"}',
        '{"code":{"a":[1]}}', '{"code":[]}',
        '{"type":{"a":1},"message":7}', '{"message":{"message":"x"}}', '{"message":null,"code":1e999}',
        "[[]]", "7", "true",
    ],
    ids=lambda value: value[:24],
)  # fmt: skip
def test_an_error_of_any_shape_is_an_error_and_keeps_the_text(error: str) -> None:
    deltas, reader = read(b'data: {"choices":[{"delta":{"content":"hi"}}]}\n\ndata: {"error":%s}\n\n' % error.encode())

    assert deltas == [TextDelta("hi")]
    assert reader.failure is not None
    assert reader.failure.message.endswith(".")


COMMENTS = b": still here\n\n" * 100_000


def test_endless_bytes_without_text_are_aborted() -> None:
    reader = AnswerReader()
    for _ in range(MAX_SILENT_BYTES // len(COMMENTS)):
        assert reader.feed(COMMENTS) == []
    assert reader.failure is None

    reader.feed(COMMENTS)
    assert reader.failure is not None
    assert "without any text" in reader.failure.message


def test_bytes_with_occasional_text_are_not_aborted() -> None:
    reader = AnswerReader()
    for _ in range(3 * MAX_SILENT_BYTES // len(COMMENTS)):
        assert reader.feed(COMMENTS + b'data: {"choices":[{"delta":{"content":"a"}}]}\n\n') == [TextDelta("a")]
    assert reader.failure is None


def stream(*chunks: str, end: str = "data: [DONE]\n\n") -> bytes:
    return ("".join(f"data: {chunk}\n\n" for chunk in chunks) + end).encode()


def choice(delta: str = "{}", **fields: str) -> str:
    beside = "".join(f',"{name}":{value}' for name, value in fields.items())
    return f'{{"choices":[{{"delta":{delta}{beside}}}]}}'


HI = choice('{"content":"hi"}')
STOP = choice(finish_reason='"stop"')


@pytest.mark.parametrize(
    ("chunks", "reason"),
    [
        ((HI, choice(finish_reason='"length"'), STOP), "length"),
        ((HI, STOP, choice(finish_reason='"content_filter"')), "content_filter"),
        ((HI, STOP, choice(finish_reason='"error"')), None),
        ((HI, choice(finish_reason='"error"'), STOP), None),
        # Text follows, so the first one was not the end.
        ((choice('{"content":"hi"}', finish_reason='"length"'), HI, STOP), "stop"),
        ((choice('{"content":"hi"}', finish_reason='"stop"'), HI, choice(finish_reason='"length"')), "length"),
        ((HI, choice(finish_reason='"length"'), HI), "length"),
        ((HI, choice(finish_reason='"error"'), HI), None),
    ],
)
def test_the_worse_of_two_finish_reasons_wins(chunks: tuple[str, ...], reason: str | None) -> None:
    deltas, reader = read(stream(*chunks))

    assert [delta for delta in deltas if isinstance(delta, Finish)] == ([Finish(reason)] if reason else [])  # type: ignore[arg-type]
    assert (reader.failure is None) == (reason is not None)


def test_text_after_the_finish_reason_makes_an_answer_incomplete() -> None:
    _, reader = read(stream(HI, STOP, HI, end=""))

    assert isinstance(reader.failure, Incomplete)


CALL = '{"tool_calls":[{"function":{"name":"look_up","arguments":"{}"}}]}'
WHOLE_WITH_CALL = '{"choices":[{"message":{"content":"hi",' + CALL[1:] + ',"finish_reason":"stop"}]}'


@pytest.mark.parametrize(
    "chunks",
    [
        (choice(CALL), choice(finish_reason='"tool_calls"')),
        (HI, choice(CALL), STOP),
        (HI, choice(finish_reason='"tool_calls"')),
        (choice('{"function_call":{"name":"look_up"}}'), choice(finish_reason='"function_call"')),
    ],
)
def test_a_call_without_offered_tools_is_an_error(chunks: tuple[str, ...]) -> None:
    deltas, reader = read(stream(*chunks))

    assert deltas == [TextDelta("hi")] * ("hi" in chunks[0])
    assert reader.failure is not None
    assert "tool" in reader.failure.message


@pytest.mark.parametrize(
    "chunks",
    [
        # A tool that the server runs itself, and the answer.
        (choice(CALL), HI, STOP),
        (choice('{"content":"hi",' + CALL[1:]), STOP),
        (WHOLE_WITH_CALL,),
        (choice('{"content":"hi","tool_calls":[]}'), STOP),
        (choice('{"content":"hi","tool_calls":null,"function_call":null}'), STOP),
    ],
)
def test_server_side_tools_are_ignored(chunks: tuple[str, ...]) -> None:
    deltas, reader = read(stream(*chunks))

    assert reader.failure is None
    assert deltas == [TextDelta("hi"), Finish("stop")]


WHOLE = '{"object":"chat.completion","choices":[{"finish_reason":"stop","message":{"content":"%s"}}]}'


@pytest.mark.parametrize(
    ("chunks", "text"),
    [
        ((HI, choice('{"content":" you"}'), WHOLE % "hi you"), "hi you"),
        ((HI, choice('{"content":" you"}'), choice('{"content":"hi you"}', finish_reason='"stop"')), "hi you"),
        # Each piece is the whole text so far.
        (('{"choices":[{"message":{"content":"hi"}}]}', WHOLE % "hi you"), "hi you"),
        # Each piece is new text.
        (('{"choices":[{"message":{"content":"hi "}}]}', WHOLE % "you"), "hi you"),
        (("{" + '"choices":[{"text":"hi "}]}', '{"choices":[{"text":"hi ","finish_reason":"stop"}]}'), "hi hi "),
        ((choice('{"content":"ha"}'), choice('{"content":"ha"}', finish_reason='"stop"')), "haha"),
        ((HI, choice(), WHOLE % ""), "hi"),
    ],
)
def test_a_repetition_of_the_whole_message_is_ignored(chunks: tuple[str, ...], text: str) -> None:
    deltas, reader = read(stream(*chunks))

    assert reader.failure is None
    assert "".join(delta.text for delta in deltas if isinstance(delta, TextDelta)) == text


@pytest.mark.parametrize(
    ("delta", "thought"),
    [
        (
            '{"content":[{"type":"thinking","thinking":[{"type":"text","text":"Hm"}]},{"type":"text","text":"hi"}]}',
            "Hm",
        ),
        ('{"content":[{"type":"thinking","thinking":"Hm"},{"type":"text","text":"hi"}]}', "Hm"),
        ('{"content":"hi","reasoning":"Hm","reasoning_details":[{"type":"reasoning.text","text":"Hm"}]}', "Hm"),
        ('{"content":"hi","reasoning_details":[{"type":"reasoning.summary","summary":"Hm"},{"data":"x"}]}', "Hm"),
        ('{"content":"hi","reasoning_details":[{"type":"reasoning.encrypted","data":"x"}]}', ""),
        ('{"content":"hi","reasoning_details":"none"}', ""),
        ('{"content":"hi","thinking":"Hm"}', "Hm"),
    ],
)
def test_thoughts_in_many_forms_are_not_text(delta: str, thought: str) -> None:
    deltas, reader = read(stream(choice(delta), STOP))

    assert reader.failure is None
    assert deltas == [*([ReasoningDelta(thought)] if thought else []), TextDelta("hi"), Finish("stop")]


@pytest.mark.parametrize(
    "usage",
    [
        '{"choices":[{"delta":{"content":"hi"},"finish_reason":"stop","usage":%s}]}',
        '{"choices":[{"delta":{"content":"hi"},"finish_reason":"stop"}],"x_groq":{"usage":%s}}',
        '{"choices":[{"delta":{"content":"hi"},"finish_reason":"stop"}],"usage":%s}',
    ],
)
def test_usage_is_read_in_any_place(usage: str) -> None:
    deltas, _ = read(stream(usage % '{"prompt_tokens":7,"completion_tokens":3}'))

    assert deltas == [TextDelta("hi"), UsageDelta(7, 3), Finish("stop")]


@pytest.mark.parametrize(
    "said",
    [
        'error: {"code":400,"message":"it broke"}\n\n',
        "error: it broke\n\n",
        '[{"error":{"code":400,"message":"it broke"}}]\n\n',
        '{\n  "error": {\n    "message": "it broke"\n  }\n}\n\n',
        'data: [{"error":{"message":"it broke"}}]\n\n',
        'data: {"object":"error","message":"it broke"}\n\n',
        'data: {"text":"it broke","error_code":50004}\n\n',
        'data: {"code":"InternalError","message":"it broke"}\n\n',
        'data: {"success":false,"errors":[{"message":"it broke"}]}\n\n',
        'data: {"choices":[],"base_resp":{"status_code":1002,"status_msg":"it broke"}}\n\n',
        'data: {"choices":[{"delta":{},"error":{"message":"it broke"},"finish_reason":"stop"}]}\n\n',
        'data: {"choices":[{"delta":{},"finish_reason":"stop"}],"x_groq":{"error":"it broke"}}\n\n',
        'event: error\ndata: {"message":"it broke"}\n\n',
        'event: Exception\ndata: {"message":"it broke"}\n\n',
        # In a last chunk without text.
        'data: {"choices":[{"delta":{}}],"base_resp":{"status_code":1027,"status_msg":"it broke"}}\n\n',
        'data: {"choices":[{"delta":{},"finish_reason":"stop"}],"error_code":50001,"text":"it broke"}\n\n',
        'data: {"choices":[{"delta":{},"finish_reason":"stop"}],"object":"error","message":"it broke"}\n\n',
        'data: {"choices":[{"delta":{},"finish_reason":"stop"}],"errors":[{"message":"it broke"}]}\n\n',
        # Nothing says that the answer is complete, and a message says what went wrong.
        'data: {"message":"it broke"}\n\n',
        'data: {"Message":"it broke"}\n\n',
        'data: {"detail":"it broke"}\n\n',
        'data: {"status":"error","message":"it broke"}\n\n',
        'data: {"status":500,"title":"it broke"}\n\n',
        '{"message":"it broke"}\n\n',
    ],
)
def test_a_disguised_error_keeps_the_text_and_its_message(said: str) -> None:
    deltas, reader = read(stream(HI, end=f"{said}data: [DONE]\n\n"))

    assert deltas == [TextDelta("hi")]
    assert reader.failure is not None
    assert "it broke" in reader.failure.message


@pytest.mark.parametrize(
    "said",
    [
        "data:\n\n", "data: \n\n", "event: ping\ndata: {}\n\n", "event: ping\ndata: pong\n\n",
        'data: {"type":"ping"}\n\n', 'data: {"choices":[]}\n\n', 'data: {"error":null}\n\n', "foo: bar\n\n",
        'data: {"choices":[],"base_resp":{"status_code":0,"status_msg":""}}\n\n',
        'data: {"object":"chat.completion.chunk","message":"queued"}\n\n', '{"half\n\n',
        'data: {"choices":[{"index":1,"delta":{"content":"another"},"finish_reason":"error"}]}\n\n',
    ],
)  # fmt: skip
def test_unknown_payloads_are_ignored(said: str) -> None:
    zero = '{"choices":[{"index":0,"delta":{"content":"hi"}}]}'
    deltas, reader = read(
        stream(zero, end=said), stream('{"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}')
    )

    assert reader.failure is None
    assert deltas == [TextDelta("hi"), Finish("stop")]


@pytest.mark.parametrize("size", [1, 2, 3, 4, 1000])
def test_an_unstreamed_completion_may_have_a_byte_order_mark(size: int) -> None:
    body = b"\xef\xbb\xbf" + (WHOLE % "hi").encode()
    deltas, reader = read(*(body[at : at + size] for at in range(0, len(body), size)))

    assert reader.failure is None
    assert deltas == [TextDelta("hi"), Finish("stop")]


@pytest.mark.parametrize(
    "chunk",
    [
        choice('{"content":{"type":"text","text":"hi"}}'),
        choice('{"content":["h","i"]}'),
        choice('{"content":["h",{"type":"text","text":"i"}]}'),
        choice('{"content":[{"type":"text","text":{"value":"hi","annotations":[]}}]}'),
        choice('{"content":[{"type":"refusal","refusal":"hi"}]}'),
        choice("{}", text='"hi"'),
        choice("null", text='"hi"'),
        choice('{"role":"assistant","content":null}', text='"hi"'),
    ],
)
def test_text_is_text_in_whatever_form_it_comes(chunk: str) -> None:
    deltas, reader = read(stream(chunk, STOP))

    assert reader.failure is None
    assert "".join(delta.text for delta in deltas if isinstance(delta, TextDelta)) == "hi"


def test_a_message_before_the_answer_is_not_an_error() -> None:
    deltas, reader = read(stream('{"message":"queued"}', HI))

    assert reader.failure is None
    assert deltas == [TextDelta("hi"), Finish("stop")]


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"", "empty"),
        (b"\n\n", "empty"),
        (b"upstream connect error", "It says: upstream connect error."),
        (b": waiting\n\n", "before the answer began"),
    ],
)
def test_a_response_without_events_is_described_in_the_error(body: bytes, says: str) -> None:
    deltas, reader = read(body)

    assert deltas == []
    assert isinstance(reader.failure, Incomplete)
    assert says in reader.failure.message


NAMES = [
    "choices",
    "delta",
    "message",
    "content",
    "text",
    "type",
    "thinking",
    "reasoning",
    "reasoning_details",
    "refusal",
    "audio",
    "transcript",
    "tool_calls",
    "function",
    "name",
    "index",
    "finish_reason",
    "error",
    "usage",
    "prompt_tokens",
    "x_groq",
    "object",
    "code",
    "errors",
    "base_resp",
    "status_code",
    "detail",
]
ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.sampled_from(["stop", "error"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=4),
    max_leaves=12,
)
CHUNKS = st.one_of(
    ANY_JSON,
    st.fixed_dictionaries({"choices": st.lists(ANY_JSON, max_size=2)}),
    st.fixed_dictionaries({"choices": st.lists(st.fixed_dictionaries({"delta": ANY_JSON}), max_size=2)}),
    st.fixed_dictionaries({"choices": st.lists(st.fixed_dictionaries({"message": ANY_JSON}), max_size=2)}),
)


@settings(max_examples=300, deadline=None, derandomize=True, database=None)
@given(st.lists(CHUNKS, max_size=4), st.sampled_from(["data: ", "error: ", "event: error\ndata: ", ""]))
def test_json_of_any_shape_ends_in_an_answer_or_one_of_our_errors(chunks: list[object], before: str) -> None:
    events = [f"{before}{json.dumps(chunk)}\n\n" for chunk in chunks]
    deltas, reader = read("".join([*events, "data: [DONE]\n\n"]).encode())

    assert reader.done == (reader.failure is None)
    assert reader.done == any(isinstance(delta, Finish) for delta in deltas)
    for delta in deltas:
        if isinstance(delta, TextDelta | ReasoningDelta):
            assert delta.text
            delta.text.encode()
