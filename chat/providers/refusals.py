"""What an OpenAI-compatible server says when it will not answer, as our own family of errors.

Every message is a sentence for the person who asked. What the server wrote is quoted where it helps, shortened, and
without the key that was sent (`secret`) or anything else that looks like one.
"""

from __future__ import annotations

import base64
import email.utils
import functools
import re
import time
from collections.abc import Iterator, Mapping
from typing import Final
from urllib.parse import quote, quote_plus

import aiohttp
import httpx2
import openai

from chat.providers.base import (
    AuthenticationFailed,
    Incomplete,
    Misconfigured,
    ProviderError,
    QuotaExceeded,
    RateLimited,
    Redirected,
    TimedOut,
    Unavailable,
)
from chat.providers.text import clean
from chat.providers.transport import LeftOrigin

# What reading from the network may raise. The client maps most of aiohttp's errors, but not all.
TRANSPORT_ERRORS: Final = (httpx2.RequestError, aiohttp.ClientError, OSError)

_QUOTED_CHARACTERS: Final = 300
# What is looked at of the server's words; beyond it nothing is quoted.
_READ_CHARACTERS: Final = 2048
# A shorter key may be a word ("none", "a"): cut out wherever it stands, it would shred the sentence.
_SECRET_CHARACTERS: Final = 8
_MAX_RETRY_AFTER: Final = 24 * 3600.0
_SECONDS: Final = re.compile(r"[0-9]+(\.[0-9]+)?")
# What a key looks like: sk-…, gsk_…, xai-…, AIza…, "Bearer …", one that the server has starred out, any long run.
_KEY: Final = re.compile(
    r"(?i)\b(?:bearer\s+\S+|(?:sk|pk|gsk|xai|key)[-_][\w*.-]{6,}|[\w-]*\*{3,}[\w*-]*|[a-z0-9]{32,})"
)
_CONTEXT: Final = re.compile(r"(?i)context.?(length|window|size)|maximum context|too many tokens|prompt is too long")
_QUOTA_CODES: Final = frozenset({"insufficient_quota", "billing_hard_limit_reached", "insufficient_balance"})
_SERVER_ERROR: Final = re.compile("5[0-9]{2}")
_BUSY_CODES: Final = frozenset({"server_error", "overloaded_error", "overloaded", "internal_error", "api_error"})

_QUOTA: Final = (
    "The account at the model's provider has no quota left. Its owner must look at the plan and the billing."
)
_RATE: Final = "The model's provider is getting too many requests at the moment."
_KEY_REFUSED: Final = "The model's provider did not accept the API key of this site. Its administrator must check it."
_TOO_LONG: Final = "The conversation has become too long for this model. Start a new one, or choose another model."
_REDIRECTED: Final = (
    "The model's server redirects to another address, where nothing was sent; its base URL is probably wrong."
)
_NOWHERE: Final = (
    "The model's server answered with a redirect that names no address (status {}). Its base URL is probably wrong."
)
_PACKED: Final = "The model's server sent a compressed answer that cannot be read."
IMPOSSIBLE: Final = "The address or the key of the model's server cannot be used. Its administrator must check them."
_NO_MODEL: Final = "The model's provider does not know this model. Its name or the base URL is probably wrong."


def from_status(error: openai.APIStatusError, *, secret: str = "") -> ProviderError:
    """A response of another status than 2xx."""
    status = error.status_code
    said = _said(error.body, secret)
    if 300 <= status < 400:
        return Redirected(_REDIRECTED if error.response.extensions.get("redirect") else _NOWHERE.format(status))
    if status in (401, 403):
        return AuthenticationFailed(_KEY_REFUSED)
    if status == 402 or _quota(_field(error.body, "code"), _field(error.body, "type")):
        return QuotaExceeded(_QUOTA)
    if status == 429:
        return RateLimited(_RATE, retry_after=retry_after(error.response.headers))
    if status in (408, 504):
        return TimedOut("The model's server gave up waiting for the model.")
    if status >= 500:
        wait = retry_after(error.response.headers)
        return Unavailable(f"The model's server cannot answer at the moment (status {status}).", retry_after=wait)
    if status == 404:
        return ProviderError(_with_quote(_NO_MODEL, said))
    if status == 413 or is_too_long(error):
        return ProviderError(_TOO_LONG)
    return ProviderError(_with_quote(f"The model's server refused the request (status {status}).", said))


def from_connection(error: BaseException, *, connect_timeout: float) -> ProviderError:
    """No response at all: refused, not resolved, cut before the headers, or too slow to connect.

    The client's aiohttp transport reports all of these as a timeout, so the cause is what counts.
    """
    causes = list(_causes(error))
    if any(isinstance(cause, httpx2.UnsupportedProtocol | LeftOrigin) for cause in causes):
        return Misconfigured(IMPOSSIBLE)
    if any(isinstance(cause, httpx2.DecodingError) for cause in causes):
        return ProviderError(_PACKED)
    if any(isinstance(cause, aiohttp.ConnectionTimeoutError) for cause in causes):
        return Unavailable(f"The model's server could not be reached within {connect_timeout:g} seconds.")
    if any(isinstance(cause, aiohttp.SocketTimeoutError) for cause in causes):
        return TimedOut("The model's server stopped answering.")
    if any(isinstance(cause, aiohttp.ClientConnectorError) for cause in causes):
        return Unavailable("The model's server could not be reached.")
    return Unavailable("The connection to the model's server was lost.")


def cut_off(error: BaseException) -> ProviderError:
    """The connection broke while the answer was being read."""
    if any(isinstance(cause, httpx2.DecodingError) for cause in _causes(error)):
        return ProviderError(_PACKED, retryable=True)
    return Incomplete("The connection to the model's server was lost before the answer was finished.")


def reported(error: object, *, secret: str = "") -> ProviderError:
    """An error object inside a stream or a response of status 200: a mapping, or just a text."""
    code, kind = _field(error, "code"), _field(error, "type")
    said = _said(error, secret)
    if _quota(code, kind):
        return QuotaExceeded(_QUOTA)
    if code in ("429", "rate_limit_exceeded") or kind in ("rate_limit_error", "rate_limit_exceeded", "tokens"):
        return RateLimited(_RATE)
    if code in ("401", "403", "invalid_api_key"):
        return AuthenticationFailed(_KEY_REFUSED)
    if code == "context_length_exceeded" or _CONTEXT.search(said):
        return ProviderError(_TOO_LONG)
    if code in _BUSY_CODES or kind in _BUSY_CODES or _SERVER_ERROR.fullmatch(code):
        return Unavailable(_with_quote("The model's server broke off with an error.", said))
    retryable = kind != "invalid_request_error"
    return ProviderError(_with_quote("The model's server broke off with an error.", said), retryable=retryable)


def is_too_long(error: openai.APIStatusError) -> bool:
    return (
        _field(error.body, "code") == "context_length_exceeded" or _CONTEXT.search(_said(error.body, "")) is not None
    )


def mentions(error: openai.APIStatusError, field: str) -> bool:
    """Whether the server names this field of the request as the reason."""
    return _field(error.body, "param") == field or re.search(rf"\b{field}\b", _said(error.body, "")) is not None


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds to wait, from `retry-after-ms` or `Retry-After` (seconds or an HTTP date); None if not said.

    At most a day. A number is digits, perhaps with a fraction; "inf" and "1e999", which Python would take, are none.
    """
    for name, divisor in (("retry-after-ms", 1000.0), ("retry-after", 1.0)):
        if _SECONDS.fullmatch(headers.get(name, "").strip()):
            return min(float(headers[name]) / divisor, _MAX_RETRY_AFTER)
    try:
        date = email.utils.parsedate_to_datetime(headers["retry-after"])
        return min(max(0.0, date.timestamp() - time.time()), _MAX_RETRY_AFTER)
    except (KeyError, ValueError, OverflowError, TypeError, OSError):
        return None


def without_secret(words: str, secret: str) -> str:
    """The words without this key, in whatever form a server may echo it: as it is, URL-encoded, in base64 or hex.

    One of less than eight characters is cut out only where it stands as a value: after a colon, a quotation mark,
    "key" or "Bearer".
    """
    return _pattern(secret).sub("[…]", words) if secret else words


@functools.lru_cache(maxsize=8)
def _pattern(secret: str) -> re.Pattern[str]:
    raw = secret.encode("utf-8", "surrogatepass")
    if len(secret) < _SECRET_CHARACTERS:
        marks = r"(?:(?<=[\"'`“‘=:(<\[])|(?<=[=:]\s)|(?<=key\s)|(?<=bearer\s))"
        return re.compile(rf"{marks}{re.escape(secret)}(?![\w-])", re.IGNORECASE)
    forms = {secret, " ".join(secret.split()), quote(raw, safe=""), quote(raw), quote_plus(raw), raw.hex()}
    # In base64 a text looks one of three ways, by its distance from the beginning of what is encoded.
    for before in range(3):
        encoded = base64.b64encode(bytes(before) + raw).decode().rstrip("=")
        # Without the characters that hold bits of what stands beside it.
        form = encoded[(0, 2, 3)[before] : len(encoded) - bool((before + len(raw)) % 3)]
        forms |= {form, form.replace("+", "-").replace("/", "_")}
    longest_first = sorted(filter(None, forms), key=len, reverse=True)
    return re.compile("|".join(map(re.escape, longest_first)), re.IGNORECASE)


def _quota(code: str | None, kind: str | None) -> bool:
    return code in _QUOTA_CODES or kind in _QUOTA_CODES


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _field(error: object, name: str) -> str:
    value = error.get(name) if isinstance(error, dict) else None
    if isinstance(value, int) and abs(value) < 2**31:
        return str(value)
    return value if isinstance(value, str) else ""


def _said(body: object, secret: str) -> str:
    """The server's own words, cleaned of keys and shortened."""
    words = body if isinstance(body, str) else _field(body, "message") or _field(body, "detail")
    words = " ".join(clean(words[: 4 * _READ_CHARACTERS]).split())[:_READ_CHARACTERS]
    if words.startswith("<"):
        return ""
    words = _KEY.sub("[…]", without_secret(words, secret))
    return words if len(words) <= _QUOTED_CHARACTERS else words[:_QUOTED_CHARACTERS] + "…"


def _with_quote(sentence: str, said: str) -> str:
    return f"{sentence} It says: {said.rstrip('.')}." if said else sentence
