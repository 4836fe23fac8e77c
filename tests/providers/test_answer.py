from __future__ import annotations

import pytest

from chat.providers.answer import MAX_SILENT_BYTES, AnswerReader
from chat.providers.base import Delta, Finish, Incomplete, ReasoningDelta, TextDelta, UsageDelta

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
    TextDelta("Grüße "),
    TextDelta("😀!"),
    TextDelta(" 日本"),
    UsageDelta(3, 5),
    Finish("length"),
]


def read(*chunks: bytes) -> tuple[list[Delta], AnswerReader]:
    reader = AnswerReader()
    deltas = [delta for chunk in chunks for delta in reader.feed(chunk)]
    if not reader.done and reader.failure is None:
        deltas += reader.close()
    return deltas, reader


def test_it_reads_a_whole_answer() -> None:
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
    assert deltas == DELTAS[: len(deltas)]


def test_an_end_after_the_finish_reason_is_whole_even_in_the_middle_of_the_usage() -> None:
    deltas, reader = read(STREAM[: STREAM.index(b"completion_tokens")])

    assert deltas == [*DELTAS[:4], Finish("length")]
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
def test_a_payload_that_is_no_object_is_not_json_for_a_person(payload: str) -> None:
    _, reader = read(f"data: {payload}\n\n".encode())

    assert reader.failure is not None
    assert (reader.failure.code, reader.failure.retryable) == ("provider_error", True)
    assert "not JSON" in reader.failure.message


@pytest.mark.parametrize(
    "chunk",
    [
        '{"choices":[{"delta":{"content":"x","reasoning":{"a":1}},"finish_reason":7}]}',
        '{"choices":[{"delta":{"content":"x"},"logprobs":{"content":[]}}],"usage":"none"}',
        '{"choices":[{"delta":{"content":"x"}}],"usage":{"prompt_tokens":"many","completion_tokens":-1}}',
        '{"choices":[{"delta":{"content":"x"}}],"usage":{"prompt_tokens":true,"completion_tokens":0.0}}',
        '{"choices":[{"delta":{"content":[{"type":"text","text":"x"},{"type":"image"},"y",4]}}],"object":5}',
        '{"choices":[{"delta":{"content":"x","tool_calls":[{}]}},{"delta":{"content":"second choice"}}]}',
        '{"choices":[{"message":{"content":"x"}}]}',
    ],
)
def test_fields_of_an_unexpected_type_do_no_harm(chunk: str) -> None:
    deltas, reader = read(f"data: {chunk}\n\ndata: [DONE]\n\n".encode())

    assert [delta for delta in deltas if isinstance(delta, TextDelta)] == [TextDelta("x")]
    assert deltas[-1] == Finish("stop")
    assert reader.failure is None


def test_usage_that_does_not_change_is_given_once() -> None:
    chunk = b'data: {"choices":[{"delta":{"content":"a"}}],"usage":{"prompt_tokens":1,"completion_tokens":1}}\n\n'

    deltas, _ = read(chunk * 3 + b"data: [DONE]\n\n")

    assert deltas.count(UsageDelta(1, 1)) == 1


@pytest.mark.parametrize("body", [b'{"object":"list","data":[]}', b"{}", b'{"detail":"Not here"}'])
def test_json_that_is_no_completion_is_refused(body: bytes) -> None:
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
    """A stream of one chunk with a text, a finish reason, and these fields beside."""
    beside = "".join(f',"{name}":{value}' for name, value in fields.items())
    chunk = f'{{"choices":[{{"delta":{{"content":"hi"}},"finish_reason":"stop"}}]{beside}}}'
    return f"data: {chunk}\n\ndata: [DONE]\n\n".encode()


@pytest.mark.parametrize(("number", "counted"), NUMBERS.items(), ids=lambda value: str(value)[:24])
@pytest.mark.parametrize("name", ["prompt_tokens", "completion_tokens"])
def test_a_count_of_any_size_or_kind_costs_no_text(name: str, number: str, counted: int) -> None:
    other = "completion_tokens" if name == "prompt_tokens" else "prompt_tokens"
    deltas, reader = read(one(usage=f'{{"{name}":{number},"{other}":5}}'))

    assert reader.failure is None
    usage = UsageDelta(counted, 5) if name == "prompt_tokens" else UsageDelta(5, counted)
    assert deltas == [TextDelta("hi"), usage, Finish("stop")]


@pytest.mark.parametrize("value", STRANGE, ids=lambda value: value[:24])
@pytest.mark.parametrize(
    "name", ["usage", "id", "created", "index", "model", "object", "x_groq", "system_fingerprint"]
)
def test_a_field_of_any_kind_beside_the_text_costs_no_text(name: str, value: str) -> None:
    deltas, reader = read(one(**{name: value}))

    assert reader.failure is None
    assert deltas == [TextDelta("hi"), Finish("stop")]


@pytest.mark.parametrize("value", STRANGE, ids=lambda value: value[:24])
@pytest.mark.parametrize("name", ["index", "logprobs", "finish_reason", "message", "score"])
def test_a_field_of_any_kind_beside_the_delta_costs_no_text(name: str, value: str) -> None:
    chunk = f'{{"choices":[{{"{name}":{value},"delta":{{"role":{value},"content":"hi"}}}}]}}'
    deltas, reader = read(f"data: {chunk}\n\ndata: [DONE]\n\n".encode())

    assert reader.failure is None
    assert deltas == [TextDelta("hi"), Finish("stop")]


def test_a_finish_reason_of_any_length_is_one_of_three() -> None:
    deltas, _ = read(b'data: {"choices":[{"delta":{"content":"hi"},"finish_reason":"%s"}]}\n\n' % (b"x" * 500))

    assert deltas == [TextDelta("hi"), Finish("stop")]


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


def test_bytes_without_a_word_are_given_up_after_a_while() -> None:
    reader = AnswerReader()
    for _ in range(MAX_SILENT_BYTES // len(COMMENTS)):
        assert reader.feed(COMMENTS) == []
    assert reader.failure is None

    reader.feed(COMMENTS)
    assert reader.failure is not None
    assert "without a word" in reader.failure.message


def test_with_a_word_now_and_then_they_are_not() -> None:
    reader = AnswerReader()
    for _ in range(3 * MAX_SILENT_BYTES // len(COMMENTS)):
        assert reader.feed(COMMENTS + b'data: {"choices":[{"delta":{"content":"a"}}]}\n\n') == [TextDelta("a")]
    assert reader.failure is None
