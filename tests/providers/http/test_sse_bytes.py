from __future__ import annotations

import pytest

from chat.providers.http.sse_bytes import STRAY, EventTooLong, Payload, SseBytesDecoder

STREAM = (
    b"\xef\xbb\xbf: a comment\n\n"
    b'data: {"a": 1}\n\n'
    b"event: error\r\nid: 7\r\ndata:no space\r\n\r\n"
    b"event: nothing\n\n"
    b"data: one\ndata:  two\nretry: 5\ndata\n\n"
    b"data:\n\ndata: \n\nevent: ping\ndata: \n\n"
    b'error: {"code": 400}\n\n'
    b'{\n  "error": "data: gone"\n}\n\n'
    b'[{"error": 1}]\ndata: two\n\n'
    b"data: gr\xc3\xbc\xc3\x9fe\r\r"
    b"data: [DONE]\n\n"
)
EVENTS = [
    Payload(b"", b'{"a": 1}'),
    Payload(b"error", b"no space"),
    Payload(b"", b"one\n two\n"),
    Payload(b"error", b' {"code": 400}'),
    Payload(STRAY, b'{\n  "error": "data: gone"\n}'),
    Payload(STRAY, b'[{"error": 1}]'),
    Payload(b"", b"two"),
    Payload(b"", "grüße".encode()),
    Payload(b"", b"[DONE]"),
]


def decoded(*chunks: bytes) -> list[Payload]:
    stream = SseBytesDecoder()
    return [event for chunk in chunks for event in stream.feed(chunk)] + stream.close()


def test_it_decodes_a_complete_stream() -> None:
    assert decoded(STREAM) == EVENTS


@pytest.mark.parametrize("at", range(len(STREAM) + 1))
def test_it_decodes_the_same_when_split_at_any_byte(at: int) -> None:
    assert decoded(STREAM[:at], STREAM[at:]) == EVENTS


@pytest.mark.parametrize("size", [1, 2, 3, 7])
def test_it_decodes_the_same_in_small_pieces(size: int) -> None:
    assert decoded(*(STREAM[start : start + size] for start in range(0, len(STREAM), size))) == EVENTS


def test_an_event_without_its_blank_line_is_given_at_the_end() -> None:
    assert decoded(b"data: one\n\ndata: [DONE]") == [Payload(b"", b"one"), Payload(b"", b"[DONE]")]


def test_a_yielded_event_is_not_kept() -> None:
    stream = SseBytesDecoder(limit=20)

    for _ in range(100):
        assert stream.feed(b"data: 0123456789\n\n") == [Payload(b"", b"0123456789")]


@pytest.mark.parametrize("chunk", [b"x" * 10, b"data: x\n", b": comment without end"])
def test_it_refuses_an_event_over_the_limit(chunk: bytes) -> None:
    stream = SseBytesDecoder(limit=100)

    def feed_without_end() -> None:
        for _ in range(110):
            stream.feed(chunk)

    with pytest.raises(EventTooLong):
        feed_without_end()
