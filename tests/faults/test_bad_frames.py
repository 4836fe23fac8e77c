"""Row 19: every bad frame gets an error, or closes that one socket with a code that says why."""

from __future__ import annotations

import io
import json
from contextlib import suppress
from typing import Any, Final

import pytest
from websockets.exceptions import ConnectionClosed

from chat.protocol import close_codes
from tests.faults.client import Browser, numbered, open_socket, socket
from tests.faults.invariants import answers, check_saved
from tests.faults.processes import Site
from tests.members import Member

FRAME_BYTES: Final = 128 * 1024
MIB: Final = 1024 * 1024
# Frames that the WebSocket library itself rejects (invalid UTF-8, more than a megabyte) end the connection without a
# close frame: no well-meaning client sends them.
ABNORMAL: Final = 1006

REFUSED: Final[dict[str, tuple[str | bytes, str]]] = {
    "binary": (b"\x00\x01\x02", "bad_request"),
    "binary that is JSON": (b'{"type":"stop","ref":1}', "bad_request"),
    "an empty text": ("", "bad_json"),
    "no JSON": ("hello", "bad_json"),
    "a list": ("[1]", "bad_json"),
    "a number": ("1", "bad_json"),
    "null": ("null", "bad_json"),
    "half an object": ('{"type":"stop"', "bad_json"),
    "100,000 brackets": ("[" * 100_000, "bad_json"),
    "20,000 nested objects": ('{"a":' * 20_000, "bad_json"),
    "NaN": ('{"type":"ack","frame":NaN}', "bad_json"),
    "Infinity": ('{"type":"ack","frame":-Infinity}', "bad_json"),
    "a number of 5,000 digits": ('{"type":"ack","frame":' + "9" * 5000 + "}", "bad_json"),
    "no type": ("{}", "unknown_type"),
    "an unknown type": ('{"type":"execute"}', "unknown_type"),
    "a type that is a list": ('{"type":["send"]}', "unknown_type"),
    "half a surrogate pair as type": ('{"type":"\\ud800"}', "unknown_type"),
    "an ack of a frame that was not sent": ('{"type":"ack","frame":1}', "bad_request"),
    "an ack of a negative frame": ('{"type":"ack","frame":-1}', "bad_request"),
    "an ack of a text": ('{"type":"ack","frame":"1"}', "bad_request"),
    "an ack of true": ('{"type":"ack","frame":true}', "bad_request"),
    "an ack of a fraction": ('{"type":"ack","frame":0.5}', "bad_request"),
    "an ack of 4,000 digits": ('{"type":"ack","frame":' + "9" * 4000 + "}", "bad_request"),
    "a ref that is an object": ('{"type":"stop","ref":{}}', "bad_request"),
    "a ref of 1,000 characters": ('{"type":"stop","ref":"' + "r" * 1000 + '"}', "bad_request"),
    "a ref of 400 digits": ('{"type":"stop","ref":' + "9" * 400 + "}", "bad_request"),
    "a send without a text": ('{"type":"send"}', "bad_request"),
    "a text that is a number": ('{"type":"send","text":5}', "bad_request"),
    "an empty message": ('{"type":"send","text":""}', "empty_text"),
    "a message of white space": ('{"type":"send","text":" \\n\\t "}', "empty_text"),
    "one character too many": ('{"type":"send","text":"' + "a" * 100_001 + '"}', "text_too_long"),
    "an id that is no UUID": ('{"type":"send","text":"x","client_message_id":"1"}', "bad_request"),
    "an id that is a list": ('{"type":"send","text":"x","client_message_id":[]}', "bad_request"),
    "a conversation that is no UUID": ('{"type":"send","text":"x","conversation_id":"\\ud800"}', "not_found"),
    "an assistant that is nobody": ('{"type":"send","text":"x","assistant":"nobody\\u0000"}', "not_found"),
    "attachments": ('{"type":"send","text":"x","attachments":["../../etc/passwd"]}', "bad_request"),
    "a stop of nothing": ('{"type":"stop"}', "not_found"),
    "a stop of a path": ('{"type":"stop","run_id":"../../etc/passwd"}', "not_found"),
    "a subscription to a number": ('{"type":"subscribe","run_id":7}', "not_found"),
}


@pytest.mark.parametrize(("frame", "code"), REFUSED.values(), ids=REFUSED.keys())
async def test_a_bad_frame_is_refused_and_the_socket_lives(
    frame: str | bytes, code: str, site: Site, alice: Member
) -> None:
    async with socket(site, alice) as connection:
        await connection.put(frame)
        refusal = await connection.refusal()
        assert (refusal["type"], refusal["code"], refusal["retryable"]) == ("error", code, False)
        assert refusal["message"]
        await is_alive_socket(connection)


async def is_alive_socket(connection: Any) -> None:
    reply = await connection.ask("stop", run_id="00000000-0000-4000-8000-000000000000")
    assert reply["code"] == "not_found"


async def test_a_ref_is_returned_unchanged(site: Site, alice: Member) -> None:
    async with socket(site, alice) as connection:
        for ref in ("", "a ref", "\u2028", 0, -5, 2**53 - 1, None):
            await connection.put({"type": "execute", "ref": ref})
            assert (await connection.refusal())["ref"] == ref
        await connection.put('{"type":"execute","ref":"\\ud800"}')
        assert (await connection.refusal())["ref"] == "\N{REPLACEMENT CHARACTER}"


async def test_a_frame_of_the_limit_passes_and_a_byte_more_closes(site: Site, alice: Member) -> None:
    head = '{"type":"execute","ref":1,"more":"'
    async with socket(site, alice) as connection:
        await connection.put(head + "x" * (FRAME_BYTES - len(head) - 2) + '"}')
        assert (await connection.refusal())["code"] == "unknown_type"
    # The second has few enough characters, but too many bytes.
    for filling in ("x" * FRAME_BYTES, "é" * (FRAME_BYTES // 2)):
        too_big = await open_socket(site, alice)
        await too_big.hello
        await too_big.put(head + filling + '"}')
        assert await too_big.closed() == close_codes.FRAME_TOO_BIG
        assert too_big.bye is not None
        assert too_big.bye["code"] == close_codes.FRAME_TOO_BIG


async def test_a_frame_beyond_all_limits_closes_before_it_is_read(site: Site, alice: Member) -> None:
    before = site.rss
    connection = await open_socket(site, alice)
    await connection.hello
    with suppress(ConnectionClosed):
        await connection.put("x" * (32 * MIB))
    assert await connection.closed() == ABNORMAL
    assert site.rss - before < 8 * MIB


async def test_invalid_utf_8_closes_the_socket(site: Site, alice: Member) -> None:
    connection = await open_socket(site, alice)
    await connection.hello
    await connection.put_invalid(b'{"type":"execute","more":"\xff\xfe"}')
    assert await connection.closed() == ABNORMAL


async def test_a_flood_closes_only_its_own_socket(site: Site, alice: Member, browser: Browser) -> None:
    prompt = "/numbered count=500 rate=500 flood"
    async with socket(site, alice) as watching:
        reading = await watching.run(prompt)
        flooding = await open_socket(site, alice)
        await flooding.hello
        with suppress(ConnectionClosed):
            for _ in range(1000):
                await flooding.put('{"type":"execute"}')
        assert await flooding.closed() == close_codes.FLOOD
        assert flooding.bye is not None
        assert flooding.bye["code"] == close_codes.FLOOD
        # At most 60 a second got a reply.
        assert flooding.unsolicited.qsize() <= 120
        await reading.ended()
    await check_saved(browser, reading, numbered(prompt, 500))


async def test_stale_acknowledgements_are_a_flood_too(site: Site, alice: Member) -> None:
    flooding = await open_socket(site, alice)
    await flooding.hello
    with suppress(ConnectionClosed):
        for _ in range(1000):
            await flooding.put('{"type":"ack","frame":0}')
    assert await flooding.closed() == close_codes.FLOOD


async def test_a_fast_reader_is_not_a_flood(site: Site, alice: Member, browser: Browser) -> None:
    """It acknowledges each frame of a one-megabyte answer that comes at once: far more than 60 a second."""
    async with socket(site, alice) as connection:
        reading = await connection.run("/big size=1000000 prompt acks")
        await reading.ended()
        assert connection.frames > 100
    await check_saved(browser, reading)


async def test_nul_and_half_surrogate_pairs_are_replaced_before_they_are_stored(
    site: Site, alice: Member, browser: Browser
) -> None:
    async with socket(site, alice) as connection:
        await connection.put('{"type":"send","ref":"n","text":"/echo a\\u0000b\\ud800c\\udc00d \\ud83d\\ude00"}')
        reply = await connection.refusal()
        assert (reply["type"], reply["ref"]) == ("ok", "n")
        reading = connection.reading(reply["run_id"])
        await reading.ended()
    clean = "a\N{REPLACEMENT CHARACTER}b\N{REPLACEMENT CHARACTER}c\N{REPLACEMENT CHARACTER}d 😀"
    assert reading.start["user_message"]["text"] == f"/echo {clean}"
    assert json.loads(reading.text)[-1]["content"] == f"/echo {clean}"
    await check_saved(browser, reading)
    assert answers(site, reading.run_id) == [reading.text]


async def test_the_longest_message_passes_over_both_transports(site: Site, alice: Member, browser: Browser) -> None:
    text = "/hello " + "x" * (100_000 - len("/hello "))
    async with socket(site, alice) as connection:
        reading = await connection.run(text)
        await reading.ended()
        await check_saved(browser, reading)
        assert (await connection.send(text + "x"))["code"] == "text_too_long"
    status, refused = await browser.start(text + "x")
    assert (status, refused["error"]["code"]) == (400, "text_too_long")


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "bad_json"),
        (b"[" * 200_000, "bad_json"),
        (b'{"text":NaN}', "bad_json"),
        (b'{"text":"\xff"}', "bad_json"),
        (b'{"a":' + b"9" * 5000 + b"}", "bad_json"),
        (b"[]", "bad_json"),
        (b'{"text":""}', "empty_text"),
        (b'{"text":{}}', "bad_request"),
    ],
)
async def test_a_bad_body_is_refused(body: bytes, code: str, browser: Browser) -> None:
    for path in ("/api/runs", "/api/runs/stream", "/api/runs/wait"):
        status, refused = await browser.call("POST", path, data=body)
        assert (status, refused["error"]["code"]) == (400, code)


async def test_a_body_that_is_too_large_is_refused(browser: Browser) -> None:
    status, refused = await browser.call("POST", "/api/runs", data=io.BytesIO(b'{"text":"' + b"x" * (3 * MIB) + b'"}'))
    assert (status, refused["error"]["code"]) == (413, "body_too_big")
