"""The text of an HTML page, in time that grows with its length and no faster.

Python's html.parser took quadratic time for some malformed pages until 2025 (CVE-2025-6069), and no version's limits
are documented. This needs no tree: it finds the text between tags, and where lines begin.
"""

from __future__ import annotations

import html
import re
from typing import Final

# Whatever is longer is cut when it is told and saved.
TEXT_CHARACTERS: Final = 256 * 1024
TAGS: Final = 50_000

_SKIPPED: Final = frozenset(
    {"script", "style", "template", "noscript", "svg", "math", "iframe", "object", "canvas", "select"}
)
_FOREIGN: Final = frozenset({"svg", "math"})
_PARAGRAPHS: Final = frozenset(
    {"p", "pre", "ul", "ol", "dl", "table", "blockquote", "section", "article", "main", "header", "footer", "nav"}
    | {"aside", "figure", "form", "details", "h1", "h2", "h3", "h4", "h5", "h6"}
)
_LINES: Final = frozenset(
    {"div", "br", "hr", "li", "tr", "dt", "dd", "figcaption", "summary", "address", "fieldset", "legend", "option"}
    | {"caption", "body"}
)
_TAG: Final = re.compile(r"<(/?)([a-zA-Z][a-zA-Z0-9:-]{0,40})")
# A quote counts only where a value begins: others are stray.
_TAG_PART: Final = re.compile(r""">|=\s*(["'])""")
_SPACES: Final = re.compile(r"\s+")
_ENDS: Final = {name: re.compile(rf"</{name}", re.IGNORECASE) for name in (*_SKIPPED, "title", "textarea")}


def read(page: str) -> tuple[str, str]:
    """The title and the text: paragraphs with empty lines between, `# ` before headings, `- ` before list items."""
    reader = _Reader(page)
    reader.run()
    return " ".join(reader.title.split())[:300], reader.text()


class _Reader:
    def __init__(self, page: str) -> None:
        self.title = ""
        self._page = page
        self._pieces: list[str] = []
        self._size = 0
        self._pre = 0
        # At the end so far: 0, 1, or 2 and more.
        self._newlines = 2
        self._ends_with_space = True

    def run(self) -> None:
        at, tags = 0, 0
        while at < len(self._page) and self._size < TEXT_CHARACTERS and tags < TAGS:
            begin = self._page.find("<", at)
            if begin < 0:
                begin = len(self._page)
            self._add_text(self._page[at:begin])
            at = self._after_markup(begin) if begin < len(self._page) else begin
            tags += 1

    def text(self) -> str:
        """Without spaces at the ends of lines, and without several empty lines in a row."""
        lines = [line.rstrip() for line in "".join(self._pieces).split("\n")]
        kept = [line for line, before in zip(lines, ["", *lines], strict=False) if line or before]
        return "\n".join(kept).strip("\n")

    def _after_markup(self, begin: int) -> int:
        """Reads what begins with `<`, and returns where it ends."""
        page = self._page
        tag = _TAG.match(page, begin)
        if tag:
            return self._after_tag(tag)
        if page.startswith("<!--", begin):
            return self._after("-->", begin + 4)
        if page.startswith(("<!", "<?", "</"), begin):
            return self._after(">", begin + 2)
        self._add_text("<")
        return begin + 1

    def _after_tag(self, tag: re.Match[str]) -> int:
        name, is_end = tag[2].lower(), bool(tag[1])
        end = self._tag_end(tag.end())
        if not is_end and name in _ENDS and not (name in _FOREIGN and self._page.endswith("/>", 0, end)):
            closing = _ENDS[name].search(self._page, end)
            inner_end = closing.start() if closing else len(self._page)
            if name == "title" and not self.title:
                self.title = _unescaped(self._page[end : min(inner_end, end + 1000)])
            elif name == "textarea":
                self._add_text(self._page[end:inner_end])
            return inner_end
        self._break(name, is_end=is_end)
        return end

    def _break(self, name: str, *, is_end: bool) -> None:
        if name == "pre":
            self._pre = max(self._pre + (-1 if is_end else 1), 0)
        if name in _PARAGRAPHS:
            self._add("\n" * (2 - self._newlines))
        elif name in _LINES:
            self._add("\n" if name == "br" else "\n" * (1 - self._newlines))
        elif name in {"td", "th"}:
            self._add_text(" ")
        if not is_end and name == "li":
            self._add("- ")
        elif not is_end and name[0] == "h" and name[1:].isdigit():
            self._add("# ")

    def _add_text(self, text: str) -> None:
        text = _unescaped(text[: max(TEXT_CHARACTERS - self._size, 0)])
        if self._pre:
            self._add(text)
            return
        text = _SPACES.sub(" ", text)
        self._add(text.lstrip() if self._ends_with_space else text)

    def _add(self, text: str) -> None:
        if text:
            self._pieces.append(text)
            self._size += len(text)
            self._ends_with_space = text[-1] in "\n "
            before = self._newlines if text.strip("\n") == "" else 0
            self._newlines = min(before + len(text) - len(text.rstrip("\n")), 2)

    def _tag_end(self, at: int) -> int:
        while found := _TAG_PART.search(self._page, at):
            if not found[1]:
                return found.end()
            at = self._after(found[1], found.end())
        return len(self._page)

    def _after(self, what: str, at: int) -> int:
        found = self._page.find(what, at)
        return found + len(what) if found >= 0 else len(self._page)


def _unescaped(text: str) -> str:
    try:
        return html.unescape(text)
    except ValueError:
        # A number of thousands of digits.
        return text
