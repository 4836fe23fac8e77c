from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chat.tools.builtin.fetch.html_text import TEXT_CHARACTERS, read

MEGABYTES = 2 * 1024 * 1024


def test_a_page_is_read() -> None:
    page = """<!doctype html><html><head><title>Grey  heron &amp; co</title><style>p { color: red }</style>
    <script>if (a < b) document.write("<p>no</p>")</script></head>
    <body><!-- <p>no</p> --><nav><a href="/a">Home</a> <a href='/b'>About</a></nav>
    <h1 class="a>b">Grey
       heron</h1><p>A <b>long</b>-legged <i>bird</i>.<br>It eats:</p>
    <ul><li>fish</li><li><a href="/frogs">frogs</a></ul>
    <table><tr><th>Length<td>98&nbsp;cm<tr><th>Weight<td>2 kg</table>
    <pre>a
      b</pre><svg><title>no</title><text>no</text></svg><svg/>
    <noscript>no</noscript><textarea>typed</textarea></body></html>"""
    title, text = read(page)
    assert title == "Grey heron & co"
    assert text == (
        "Home About\n\n# Grey heron\n\nA long-legged bird.\nIt eats:\n\n- fish\n- frogs\n\n"
        "Length 98 cm\nWeight 2 kg\n\na\n      b\n\ntyped"
    )


@pytest.mark.parametrize(
    ("page", "text"),
    [
        ("", ""),
        ("plain", "plain"),
        ("1 < 2 <3", "1 < 2 <3"),
        ("a<b", "a"),
        ("a<!-- never closed", "a"),
        ("a<script>never closed", "a"),
        ("a<SCRIPT>no</ScRiPt >b", "ab"),
        ("a</ >b", "ab"),
        ("a<?php no ?>b", "ab"),
        ("a<![CDATA[no]]>b", "ab"),
        ('<p title=it\'s>a</p><p class="x" ">b</p>', "a\n\nb"),
        ("<a title = 'x>y'>a</a>", "a"),
        ('a<b title="never closed', "a"),
        ("&lt;b&gt; &#65; &#x41; &unknown; &amp", "<b> A A &unknown; &"),
        ("&#" + "9" * 5000 + ";", "&#" + "9" * 5000 + ";"),
        ("a<svg/>b", "ab"),
        ("<p>a<p><p><p>b", "a\n\nb"),
    ],
)
def test_malformed_pages_are_read_as_far_as_possible(page: str, text: str) -> None:
    assert read(page)[1] == text


def test_only_the_first_title_counts() -> None:
    assert read("<title>a</title><title>b</title>") == ("a", "")
    assert len(read(f"<title>{'x' * 1000}</title>")[0]) == 300


def test_a_long_text_is_cut() -> None:
    assert len(read("<p>" + "word " * (MEGABYTES // 5))[1]) <= TEXT_CHARACTERS
    assert len(read("<p>words</p>" * 100_000)[1]) <= TEXT_CHARACTERS + 100


HOSTILE = [
    *("<", "<!", "<!--", "<a ", "<a '", '<a "', "<a =", "<a ='", '<a b="', "</", "</a", "<?", "<![CDATA["),
    *("&", "&#", "&#9", "&amp", "&#9;", "=", "= ", " ", "\n", "<!-->", "<!--->", "--", ">", "<a" + " " * 40),
    *("<script>", "<script></scrip", "<title>", "<textarea>", "<svg>", "<pre>", "<p>", "<li>", "<a>", "<b c='d'>"),
    *("<p>\n ", "<pre> \n", "<a b='>'"),
]


@pytest.mark.parametrize("piece", HOSTILE)
def test_no_page_takes_long(piece: str) -> None:
    """The slowest takes half a second of CPU time. Quadratic time would take hours."""
    page = (piece * (MEGABYTES // len(piece) + 1))[:MEGABYTES]
    began = time.process_time()
    read(page)
    assert time.process_time() - began < 30


@given(st.text(alphabet="<>/!-=\"' \nab&#;pscrt", max_size=200))
@settings(max_examples=200, deadline=None)
def test_it_raises_nothing_and_leaves_no_tag(page: str) -> None:
    _, text = read(page)
    assert "<p>" not in text or "&" in page
    assert "<script" not in text or "&" in page
    assert "\n\n\n" not in text
