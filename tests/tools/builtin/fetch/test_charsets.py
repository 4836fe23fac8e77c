from __future__ import annotations

import codecs

import pytest

from chat.tools.builtin.fetch.charsets import decode


@pytest.mark.parametrize(
    ("body", "charset"),
    [
        ("Grüße".encode(), ""),
        ("Grüße".encode(), "UTF-8"),
        ("Grüße".encode("latin-1"), "iso-8859-1"),
        ("Grüße".encode("cp1252"), "windows-1252"),
        (codecs.BOM_UTF8 + "Grüße".encode(), "iso-8859-1"),
        (codecs.BOM_UTF16_LE + "Grüße".encode("utf-16-le"), ""),
        ("Grüße".encode("utf-16-be"), "utf-16be"),
    ],
)
def test_the_charset_of_the_header_is_used(body: bytes, charset: str) -> None:
    assert decode(body, charset) == "Grüße"


@pytest.mark.parametrize(
    "head",
    ['<meta charset="iso-8859-2">', "<meta content='text/html; charset=iso-8859-2'>", '<?xml encoding="iso-8859-2"?>'],
)
def test_a_page_may_declare_its_charset(head: str) -> None:
    text = f"{head}Łódź"
    assert decode(text.encode("iso-8859-2"), "") == text
    assert decode(text.encode("iso-8859-2"), "nonsense") == text


@pytest.mark.parametrize(
    "charset", ["punycode", "idna", "hex", "zlib", "rot13", "undefined", "raw_unicode_escape", "\0"]
)
def test_an_unsupported_charset_is_ignored(charset: str) -> None:
    assert decode("Grüße".encode(), charset) == "Grüße"


def test_undecodable_bytes_are_replaced() -> None:
    assert decode(b"a\xffb", "utf-8") == "a\ufffdb"


def test_other_scripts() -> None:
    for charset in ("shift_jis", "euc-jp", "iso-2022-jp"):
        assert decode("鷺は鳥".encode(charset), charset) == "鷺は鳥"
    for charset in ("gb2312", "gb18030", "big5"):
        assert decode("鹭鸟".encode("gb18030") if charset != "big5" else "鷺鳥".encode("big5"), charset)[1] in "鸟鳥"
    assert decode("цапля".encode("koi8-r"), "koi8-r") == "цапля"
