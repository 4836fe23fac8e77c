"""The server's words as they are quoted: shortened, and without the account's secrets or what looks like a key."""

from __future__ import annotations

import base64
import functools
import re
from collections.abc import Mapping
from typing import Final
from urllib.parse import quote, quote_plus

from chat.protocol.untrusted_input import clean

# One secret or several: an API key, values of headers.
Secret = str | tuple[str, ...]

# How much of the server's words is read; nothing beyond it is quoted.
READ_CHARACTERS: Final = 2048
_QUOTED_CHARACTERS: Final = 300
_BEFORE_QUOTE: Final = " It says: "
# A shorter key may be an ordinary word ("none", "a"), and redacting that would garble the sentence.
_SECRET_CHARACTERS: Final = 8
_CREDENTIALS: Final = re.compile(r"(?i)(?:basic|bearer)\s+(.+)")
# What keys look like: sk-…, gsk_…, xai-…, AIza…, "Bearer …", masked with asterisks, any long alphanumeric run.
_KEY: Final = re.compile(
    r"(?i)\b(?:bearer\s+\S+|(?:sk|pk|gsk|xai|key)[-_][\w*.-]{6,}|[\w-]*\*{3,}[\w*-]*|[a-z0-9]{32,})"
)
# Does not match DashScope's "<400> InternalError…".
_PAGE: Final = re.compile(r"<[!?a-zA-Z]")


def secrets_of(api_key: str, headers: Mapping[str, str]) -> tuple[str, ...]:
    """What an account sends and nobody else may read: its key, and the values of its headers."""
    values = [value.strip() for value in headers.values()]
    credentials = [found[1] for value in values if (found := _CREDENTIALS.fullmatch(value))]
    return tuple(filter(None, dict.fromkeys([api_key, *values, *credentials])))


def said(words: str, secret: Secret) -> str:
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


def without_secret(words: str, secret: Secret) -> str:
    """Redact the secrets in any form in which a server may echo them: plain, URL-encoded, base64 or hex.

    A secret of fewer than eight characters is left: it is a placeholder ("none", "EMPTY").
    """
    secrets = (secret,) if isinstance(secret, str) else secret
    kept = tuple(each for each in secrets if len(each) >= _SECRET_CHARACTERS)
    return _pattern(kept).sub("[…]", words) if kept else words


@functools.lru_cache(maxsize=32)
def _pattern(secrets: tuple[str, ...]) -> re.Pattern[str]:
    forms = {form for secret in secrets for form in _forms(secret)}
    longest_first = sorted(filter(None, forms), key=len, reverse=True)
    return re.compile("|".join(map(re.escape, longest_first)), re.IGNORECASE)


def _forms(secret: str) -> set[str]:
    raw = secret.encode("utf-8", "surrogatepass")
    forms = {secret, " ".join(secret.split()), quote(raw, safe=""), quote(raw), quote_plus(raw), raw.hex()}
    # Base64 encodes a text in one of three ways, depending on its offset in the encoded data.
    for before in range(3):
        encoded = base64.b64encode(bytes(before) + raw).decode().rstrip("=")
        # Drop the characters that share bits with neighbouring bytes.
        form = encoded[(0, 2, 3)[before] : len(encoded) - bool((before + len(raw)) % 3)]
        forms |= {form, form.replace("+", "-").replace("/", "_")}
    return forms
