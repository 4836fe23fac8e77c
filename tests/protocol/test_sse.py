from __future__ import annotations

import pytest

from chat.protocol.sse import Decoder, DecoderOverflow, Message, encode

STREAM = (
    "\ufeffid: 1\revent: a\r\ndata: x\u00e9\ndata:y\n\n: comment\ndata\n\nid: 2\n\nevent: z\n\nid: no\0ne\n"
    "retry: 5\ndata:  two spaces\r\n\r\ndata: unfinished"
).encode()
EVENTS = [Message("a", "xé\ny", "1"), Message("message", "", "1"), Message("message", " two spaces", "2")]


def test_it_decodes_according_to_the_specification() -> None:
    assert list(Decoder().feed(STREAM)) == EVENTS


def test_it_decodes_the_same_wherever_the_bytes_are_split() -> None:
    for place in range(len(STREAM) + 1):
        decoder = Decoder()
        assert [*decoder.feed(STREAM[:place]), *decoder.feed(STREAM[place:])] == EVENTS
    decoder = Decoder()
    assert [event for byte in STREAM for event in decoder.feed(bytes([byte]))] == EVENTS


def test_encoded_events_can_be_decoded() -> None:
    text = "line\nbreak\r\u2028 \0 😀"
    (event,) = Decoder().feed(encode("token", {"text": text}, id="abcdefgh.1"))
    assert (event.event, event.id) == ("token", "abcdefgh.1")
    assert encode("token", {"text": "x"}, id="abcdefgh.1").endswith(b"}\nid: abcdefgh.1\n\n")
    assert "\n" not in event.data


def test_numbers_invalid_in_json_are_refused() -> None:
    with pytest.raises(ValueError, match="JSON"):
        encode("x", {"n": float("nan")})


def test_an_endless_event_is_refused_and_not_buffered() -> None:
    decoder = Decoder(limit=1000)
    with pytest.raises(DecoderOverflow):
        _feed_lines(decoder, 2000)


def test_many_events_do_not_overflow() -> None:
    decoder = Decoder(limit=1000)
    assert sum(1 for _ in range(2000) for _ in decoder.feed(b"data: xxxxxxxxxx\n\n: comment\n")) == 2000


def _feed_lines(decoder: Decoder, count: int) -> None:
    for _ in range(count):
        list(decoder.feed(b"data: xxxxxxxxxx\n"))
