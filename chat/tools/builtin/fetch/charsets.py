"""Decodes a page."""

from __future__ import annotations

import codecs
import re
from typing import Final

# Python has others with quadratic decoders, or that decode something else than text.
_ALLOWED: Final = re.compile(
    r"utf-8(-sig)?|utf-16(-[bl]e)?|ascii|iso8859-\d+|cp125\d|cp874|cp932|cp949|koi8-[ru]|mac-roman"
    r"|shift_jis|euc_jp|iso2022_jp|gb2312|gbk|gb18030|big5|big5hkscs|euc_kr"
)
# In a page's beginning: <meta charset="…">, <meta http-equiv content="text/html; charset=…">, <?xml encoding="…"?>.
_DECLARED: Final = re.compile(rb"""(?:charset|encoding)\s{0,9}=\s{0,9}["']?\s{0,9}([a-zA-Z0-9_:.-]{1,40})""")
_BEGINNING: Final = 2048
_MARKS: Final = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))


def decode(body: bytes, charset: str) -> str:
    """By its byte order mark, what the server says, or what the page says; else as UTF-8. Raises nothing."""
    declared = _DECLARED.search(body[:_BEGINNING])
    marked = next((name for mark, name in _MARKS if body.startswith(mark)), "")
    for name in (marked, charset, declared[1].decode() if declared else ""):
        if codec := _codec(name):
            return body.decode(codec, "replace")
    return body.decode("utf-8", "replace")


def _codec(name: str) -> str:
    try:
        codec = codecs.lookup(name).name if name else ""
    except (LookupError, ValueError):
        return ""
    # Browsers, too, read these as the larger set.
    codec = {"ascii": "cp1252", "iso8859-1": "cp1252"}.get(codec, codec)
    return codec if _ALLOWED.fullmatch(codec) else ""
