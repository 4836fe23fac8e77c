"""The server's words as they are quoted: shortened, and without the API key or anything else that looks like one."""

from __future__ import annotations

import base64
import functools
import re
from typing import Final
from urllib.parse import quote, quote_plus

from chat.providers.text import clean

# How much of the server's words is read; nothing beyond it is quoted.
READ_CHARACTERS: Final = 2048
_QUOTED_CHARACTERS: Final = 300
_BEFORE_QUOTE: Final = " It says: "
# A shorter key may be an ordinary word ("none", "a"), and redacting that would garble the sentence.
_SECRET_CHARACTERS: Final = 8
# What keys look like: sk-…, gsk_…, xai-…, AIza…, "Bearer …", masked with asterisks, any long alphanumeric run.
_KEY: Final = re.compile(
    r"(?i)\b(?:bearer\s+\S+|(?:sk|pk|gsk|xai|key)[-_][\w*.-]{6,}|[\w-]*\*{3,}[\w*-]*|[a-z0-9]{32,})"
)
# Does not match DashScope's "<400> InternalError…".
_PAGE: Final = re.compile(r"<[!?a-zA-Z]")


def said(words: str, secret: str) -> str:
    """The server's words, shortened and without keys; empty for a web page."""
    words = " ".join(clean(words[: 4 * READ_CHARACTERS]).split())[:READ_CHARACTERS]
    if _PAGE.match(words):
        return ""
    words = _KEY.sub("[…]", without_secret(words, secret))
    return words if len(words) <= _QUOTED_CHARACTERS else words[:_QUOTED_CHARACTERS] + "…"


def with_quote(sentence: str, said: str) -> str:
    return f"{sentence}{_BEFORE_QUOTE}{said.rstrip('.')}." if said else sentence


def without_quote(message: str) -> str:
    """The sentence alone, without the server's words."""
    return message.split(_BEFORE_QUOTE)[0]


def without_secret(words: str, secret: str) -> str:
    """Redact the API key in any form in which a server may echo it: plain, URL-encoded, base64 or hex.

    A key of fewer than eight characters is left: it is a placeholder ("none", "EMPTY").
    """
    return _pattern(secret).sub("[…]", words) if len(secret) >= _SECRET_CHARACTERS else words


@functools.lru_cache(maxsize=8)
def _pattern(secret: str) -> re.Pattern[str]:
    raw = secret.encode("utf-8", "surrogatepass")
    forms = {secret, " ".join(secret.split()), quote(raw, safe=""), quote(raw), quote_plus(raw), raw.hex()}
    # Base64 encodes a text in one of three ways, depending on its offset in the encoded data.
    for before in range(3):
        encoded = base64.b64encode(bytes(before) + raw).decode().rstrip("=")
        # Drop the characters that share bits with neighbouring bytes.
        form = encoded[(0, 2, 3)[before] : len(encoded) - bool((before + len(raw)) % 3)]
        forms |= {form, form.replace("+", "-").replace("/", "_")}
    longest_first = sorted(filter(None, forms), key=len, reverse=True)
    return re.compile("|".join(map(re.escape, longest_first)), re.IGNORECASE)
