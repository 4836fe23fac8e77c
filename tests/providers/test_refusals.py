"""The server's words as they are quoted: without the key, and without shredding them."""

from __future__ import annotations

import base64
from email.utils import formatdate
from time import time
from typing import Any
from urllib.parse import quote, quote_plus

import httpx2
import openai
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chat.providers.base import ProviderError
from chat.providers.refusals import from_status, is_too_long, mentions, reported, retry_after, without_secret

KEY = "gw/key+for=our &site"


def b64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


FORMS = [
    KEY, KEY.upper(), f"Bearer {KEY}", quote(KEY), quote(KEY, safe=""), quote_plus(KEY), quote(f"Bearer {KEY}"),
    KEY.encode().hex(), b64(KEY), b64(f"Bearer {KEY}"), b64(f":{KEY}"), b64(f"user:{KEY}:x"),
    b64(f"ab{KEY}cd").rstrip("="),
    base64.urlsafe_b64encode(f"a{KEY}".encode()).decode(),
]  # fmt: skip


@pytest.mark.parametrize("form", FORMS)
def test_the_key_is_quoted_in_no_form(form: str) -> None:
    said = reported({"message": f"Wrong key {form}, sorry", "type": "odd"}, secret=KEY).message

    assert "Wrong key" in said
    assert "sorry" in said
    for known in (*FORMS, "site"):
        assert known not in said


def test_without_its_being_named_as_the_key_it_would_be_quoted() -> None:
    """The control."""
    assert KEY in reported({"message": f"Wrong key {KEY}, sorry"}).message


@pytest.mark.parametrize("secret", ["a", "none", "EMPTY", "the"])
@pytest.mark.parametrize("words", ["There is a model for the none at all, the empty one.", "banana-a a_a anon none."])
def test_a_short_key_does_not_shred_a_sentence(secret: str, words: str) -> None:
    assert without_secret(words, secret) == words


@pytest.mark.parametrize(
    "words", ["key: abc1.", "key abc1", "Bearer abc1", "'abc1'", '"abc1"', "key=abc1", "(abc1)", "key = abc1"]
)
def test_a_short_key_is_not_quoted_as_a_value(words: str) -> None:
    assert "abc1" not in without_secret(words, "abc1")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.just("5" * 5_000) | st.just("²"),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["code", "type", "message", "param", "detail", "error"]), inner, max_size=4)
    ),
)


@settings(max_examples=400, deadline=None, derandomize=True, database=None)
@given(JSON, st.integers(300, 599), st.text(max_size=12))
def test_an_error_of_any_shape_is_one_of_the_family(body: Any, status: int, secret: str) -> None:
    request = httpx2.Request("POST", "http://model.example/v1")
    error = openai.APIStatusError("x", response=httpx2.Response(status, request=request), body=body)

    for refused in (reported(body, secret=secret), from_status(error, secret=secret)):
        assert isinstance(refused, ProviderError)
        assert len(refused.message) < 500
        refused.message.encode()
    assert is_too_long(error) in (True, False)
    assert mentions(error, "max_tokens") in (True, False)


DAY = 24 * 3600.0


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "7"}, 7.0), ({"retry-after": " 7 "}, 7.0), ({"retry-after": "0"}, 0.0),
        ({"retry-after": "-1"}, None), ({"retry-after": "2.5"}, 2.5), ({"retry-after": "86401"}, DAY),
        # No number of seconds (RFC 9110, section 10.2.3) and no date: nothing was said.
        ({"retry-after": "1e999"}, None), ({"retry-after": "inf"}, None), ({"retry-after": "-inf"}, None),
        ({"retry-after": "1e3"}, None), ({"retry-after": "1_0"}, None), ({"retry-after": "٣"}, None),
        ({"retry-after": "+7"}, None), ({"retry-after": "0x7"}, None), ({"retry-after": "7, 8"}, None),
        ({"retry-after": "nan"}, None), ({"retry-after": "9" * 5_000}, DAY),
        ({"retry-after": "soon"}, None),
        ({"retry-after": ""}, None), ({"retry-after-ms": "2500"}, 2.5),
        ({"retry-after-ms": "x", "retry-after": "3"}, 3.0),
        ({"retry-after-ms": "nan", "retry-after": "3"}, 3.0), ({"retry-after-ms": "1e300"}, None), ({}, None),
        ({"retry-after-ms": "1e999", "retry-after": "3"}, 3.0), ({"retry-after-ms": "9" * 5_000}, DAY),
        ({"retry-after": "Fri, 31 Dec 9999 23:59:59 GMT"}, DAY),
        ({"retry-after": "Mon, 01 Jan 0001 00:00:00 GMT"}, 0.0),
        ({"retry-after": "Mon, 01 Jan 99999999999999999999 00:00:00 GMT"}, None),
        ({"retry-after": "Mon, 01 Jan 2024 99:99:99 GMT"}, None),
        ({"retry-after": "Mon, 01 Jan 2024 00:00:00 +9999"}, None),
        ({"retry-after": "Sun, 06 Nov 1994 08:49:37"}, 0.0),
        ({"retry-after": formatdate(time() + 10**6, usegmt=True)}, DAY),
    ],
)  # fmt: skip
def test_the_time_to_wait_is_between_nothing_and_a_day(headers: dict[str, str], seconds: float | None) -> None:
    assert retry_after(headers) == seconds


@settings(max_examples=500, deadline=None, derandomize=True, database=None)
@given(st.text(max_size=40) | st.floats().map(str) | st.integers().map(str))
def test_any_time_to_wait_is_a_time_or_none(value: str) -> None:
    for name in ("retry-after", "retry-after-ms"):
        seconds = retry_after({name: value})
        assert seconds is None or 0 <= seconds <= DAY


@pytest.mark.parametrize("seconds", [float("nan"), float("inf"), -1.0])
def test_no_error_asks_to_wait_for_a_time_that_is_none(seconds: float) -> None:
    assert ProviderError("x", retry_after=seconds).retry_after is None
