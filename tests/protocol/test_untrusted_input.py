from __future__ import annotations

import pytest

from chat.protocol.untrusted_input import LARGEST_COUNT, BadJson, clean, count, loads, parse_uuid


@pytest.mark.parametrize(
    "raw",
    ["", " ", "{", "[]", "1", "null", '"x"', "[" * 200_000, '{"a":' * 200_000, '{"t":NaN}', '{"t":-Infinity}',
     '{"n":' + "9" * 5_000 + "}", b'{"t":"\xff"}', b"\x00", '{"t":"\n"}'],
)  # fmt: skip
def test_input_other_than_a_json_object_is_refused_with_a_message(raw: str | bytes) -> None:
    with pytest.raises(BadJson, match=r"\.$"):
        loads(raw)


def test_it_reads_an_object() -> None:
    assert loads('{"text":"\\ud83d\\ude00"}') == {"text": "😀"}


@pytest.mark.parametrize(("text", "cleaned"), [("a\0b", "a�b"), ("\ud83d", "�"), ("😀", "😀"), ("\ude00x", "�x")])
def test_characters_invalid_for_databases_are_replaced(text: str, cleaned: str) -> None:
    assert clean(text) == cleaned


@pytest.mark.parametrize(
    "value",
    [
        None,
        1,
        "",
        "x",
        "{00000000-0000-0000-0000-000000000000}",
        "0" * 31,
        "0" * 33,
        "0-" * 16,
        "00000000-0000-0000-0000-00000000000",
        "urn:uuid:00000000-0000-0000-0000-000000000000",
        "०" * 32,
        [],
        {},
    ],
)  # fmt: skip)
def test_an_invalid_uuid_is_none(value: object) -> None:
    assert parse_uuid(value) is None


@pytest.mark.parametrize("value", ["ABCDEF00-0000-4000-8000-000000000000", "abcdef00000040008000000000000000"])
def test_a_uuid_is_made_canonical(value: str) -> None:
    """Swift writes them in capitals, and .NET ("N") without dashes."""
    assert parse_uuid(value) == "abcdef00-0000-4000-8000-000000000000"


@pytest.mark.parametrize(
    ("value", "counted"),
    [
        (0, 0), (7, 7), (12.7, 12), (-1, 0), (-0.5, 0), (float("-inf"), 0),
        (LARGEST_COUNT, LARGEST_COUNT), (3 * 10**9, LARGEST_COUNT), (10**400, LARGEST_COUNT),
        (float("inf"), LARGEST_COUNT),
        (float("nan"), None), (True, None), ("12", None), (None, None), ([1], None), ({"n": 1}, None),
    ],
)  # fmt: skip
def test_untrusted_counts_are_limited_to_what_databases_store(value: object, counted: int | None) -> None:
    assert count(value) == counted
