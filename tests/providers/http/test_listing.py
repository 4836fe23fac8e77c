"""Whatever a server sends as its model listing gives names or an error message, never an exception."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chat.providers.http import listing
from chat.providers.http.listing import MOST_MODELS, NoListing, names
from chat.providers.ollama import detection as ollama_detection
from chat.providers.openai import detection as openai_detection
from chat.providers.openai.detection import DEFAULT_MODEL
from tests.providers.raw_server import RawServer, response

SHAPES: list[tuple[Any, tuple[str, ...]]] = [
    ({"data": [{"id": "a"}, {"id": "b"}]}, ("a", "b")),
    ({"models": [{"name": "a"}, {"model": "b"}]}, ("a", "b")),
    ([{"id": "a"}, "b", {"name": "c"}], ("a", "b", "c")),
    ({"data": ["a", "b", "a"]}, ("a", "b")),
    ({"data": None, "models": ["a"]}, ("a",)),
    ({"data": []}, ()),
    ({"data": [1, 1.5, True, None, [], ["a"], {}, {"id": None}, {"id": ["a"]}, {"id": {"id": "a"}}, "b"]}, ("b",)),
    ({"data": [{"id": "x" * 201}, {"id": "x" * 200}]}, ("x" * 200,)),
    ({"data": [{"id": "a\0"}, {"id": "a\nb"}, {"id": "\ud83d"}, {"id": " a"}, {"id": ""}, {"id": "\u202ea"}]}, ()),
    ({"data": [{"id": "<b>a</b>"}, {"id": "große/模型:8b"}]}, ("<b>a</b>", "große/模型:8b")),
    ({"data": [f"m{number}" for number in range(50_000)]}, tuple(f"m{number}" for number in range(MOST_MODELS))),
]
NO_LISTS: list[tuple[bytes, str]] = [
    (b"", "is empty"),
    (b" \n", "is empty"),
    (b"<!doctype html><p>Hello", "is a web page"),
    (b"\xff\xfe", "is not JSON"),
    (b"{", "is not JSON"),
    (b"[" * 100_000, "is not JSON"),
    (b"7", "is not a list of models"),
    (b"9" * 5_000, "is not a list of models"),
    (b'"a"', "is not a list of models"),
    (b"null", "is not a list of models"),
    (b"{}", "is not a list of models"),
    (b'{"data": null}', "is not a list of models"),
    (b'{"data": {"id": "a"}}', "is not a list of models"),
    (b'{"models": "a", "data": 7}', "is not a list of models"),
]


@pytest.mark.parametrize(
    ("shape", "found"), SHAPES, ids=lambda value: str(value)[:40].encode("ascii", "replace").decode()
)
def test_names_are_found_in_every_shape(shape: Any, found: tuple[str, ...]) -> None:
    assert names(json.dumps(shape).encode()) == found


@pytest.mark.parametrize(("body", "why"), NO_LISTS, ids=lambda value: str(value)[:24])
def test_an_invalid_listing_is_reported(body: bytes, why: str) -> None:
    with pytest.raises(NoListing, match=why):
        names(body)


def test_a_byte_order_mark_is_ignored() -> None:
    assert names(b'\xef\xbb\xbf{"data": [{"id": "a"}]}') == ("a",)


@pytest.mark.parametrize(
    "listing",
    [
        {"data": [], "models": [{"name": "a"}]},
        {"data": [{"id": "", "name": "a"}]},
        {"models": [{"id": "", "name": "", "model": "a"}]},
    ],
)
def test_an_empty_field_does_not_hide_a_non_empty_one(listing: Any) -> None:
    assert names(json.dumps(listing).encode()) == ("a",)


def test_invalid_utf8_affects_one_name_at_most() -> None:
    assert names(b'{"data": [{"id": "a"}, {"id": "b", "owned_by": "\xff"}]}') == ("a", "b")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["data", "models", "id", "name", "model", "error"]) | st.text(), inner, max_size=4
        )
    ),
)
BODIES = st.binary(max_size=200) | JSON.map(lambda value: json.dumps(value).encode())


@settings(max_examples=500, deadline=None, derandomize=True, database=None)
@given(BODIES)
def test_any_bytes_are_names_or_an_invalid_listing(body: bytes) -> None:
    try:
        found = names(body)
    except NoListing:
        return
    assert len(found) <= MOST_MODELS
    assert len(set(found)) == len(found)
    for name in found:
        assert 0 < len(name) <= listing.MOST_CHARACTERS
        assert name.isprintable()
        name.encode()


HEADS = st.sampled_from(
    ["200 OK", "204 No Content", "201 Created", "101 Switching Protocols", "304 Not Modified", "307 T", "401 No",
     "404 No", "500 Oh", "999 Odd"]
)  # fmt: skip
HEADERS = st.lists(
    st.sampled_from(
        ["Content-Encoding: gzip", "Content-Encoding: br", "Content-Type: text/html; charset=zip", "Location: //"]
    ),
    max_size=2,
)  # fmt: skip


@settings(max_examples=150, deadline=None, derandomize=True, database=None)
@given(status=HEADS, headers=HEADERS, body=BODIES, whole=st.booleans())
def test_detection_never_raises_for_any_response(status: str, headers: list[str], body: bytes, whole: bool) -> None:
    raw = response(body, status=status, headers=headers) if whole else body

    async def act() -> None:
        async with RawServer(lambda _: [raw]) as server:
            named = {"OPENAI_BASE_URL": server.base_url, "OPENAI_API_KEY": "sk-0123456789"}
            found = await openai_detection.detect(named, False)
            assert found.provider_name == "openai"
            assert bool(found.models) != bool(found.problem)
            assert found.default_model == (found.models[0] if found.models else "")
            assert DEFAULT_MODEL not in found.models or DEFAULT_MODEL.encode() in body
            url = server.base_url.removesuffix("/v1")
            detected = await ollama_detection.detect({"OLLAMA_URL": url}, False, seconds=5)
            assert bool(detected.models) != bool(detected.problem)

    asyncio.run(act())


async def test_a_listing_in_pieces_is_read_completely() -> None:
    body = json.dumps({"models": [{"name": "llama"}]}).encode()
    head = b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n"

    async with RawServer(lambda _: [head, *(bytes([byte]) for byte in body)]) as server:
        detected = await ollama_detection.detect(
            {"OLLAMA_URL": server.base_url.removesuffix("/v1")}, False, seconds=20
        )
        assert detected.models == ("llama",)


async def test_an_endless_listing_is_aborted() -> None:
    def play(_: bytes) -> Any:
        yield b"HTTP/1.1 200 OK\r\n\r\n["
        while True:
            yield b'"a",' * 16384

    async with RawServer(play) as server:
        detected = await openai_detection.detect({"OPENAI_BASE_URL": server.base_url}, False)
        assert "longer than 8 MiB" in detected.problem
        ollama = await ollama_detection.detect({"OLLAMA_URL": server.base_url.removesuffix("/v1")}, False, seconds=20)
        assert ollama.models == ()
        assert server.sent < 2 * (listing.MOST_BYTES + 16 * 2**20)


async def test_a_key_listed_as_a_model_is_ignored() -> None:
    key = "gateway-key-0123"
    body = json.dumps({"data": [{"id": key}, {"id": "a"}]}).encode()
    async with RawServer(lambda _: [response(body)]) as server:
        detected = await openai_detection.detect({"OPENAI_BASE_URL": server.base_url, "OPENAI_API_KEY": key}, False)
        assert detected.models == ("a",)
