"""Maps the errors of model servers, of any vendor, to ProviderErrors.

Every message is a sentence for the user. The server's own words are quoted where they help, shortened, and without
the account's secrets (`secret`) or anything else that looks like one.
"""

from __future__ import annotations

import email.utils
import json
import re
import ssl
import time
from collections.abc import Mapping, Sequence
from typing import Final

import aiohttp
import httpx2

from chat.protocol.untrusted_input import clean
from chat.providers.base import (
    AuthenticationFailed,
    ContextTooLong,
    Incomplete,
    Misconfigured,
    ProviderError,
    ProviderUnavailable,
    QuotaExceeded,
    RateLimited,
    Redirected,
    TimedOut,
    ToolCalled,
)
from chat.providers.http import error_signs, quotes
from chat.providers.http.error_detail import ErrorDetail
from chat.providers.http.sse_bytes import MAX_EVENT_BYTES
from chat.providers.http.transport import LeftOrigin

# Errors of the network. The transport maps most of aiohttp's errors, but not all.
TRANSPORT_ERRORS: Final = (httpx2.RequestError, aiohttp.ClientError, OSError)
# Raised for a base URL or an API key that cannot be used in a request.
IMPOSSIBLE_ERRORS: Final = (httpx2.InvalidURL, ValueError, TypeError, OverflowError)

_NAME_CHARACTERS: Final = 60
_MAX_RETRY_AFTER: Final = 24 * 3600.0
_SECONDS: Final = re.compile(r"[0-9]+(\.[0-9]+)?")
_TOO_SLOW: Final = (408, 504)
# Not implemented, and HTTP version not supported: a retry cannot help.
_NEVER: Final = (501, 505)
_QUOTA: Final = "The account with the model provider has no quota left. Its owner must check the plan and billing."
_RATE: Final = "The model provider is receiving too many requests."
_PLAN: Final = (
    "Together with the conversation before it, this message exceeds the limit of the plan with the model provider. "
    "Start a new conversation, or choose another model."
)
_FILTERED: Final = "The model provider's content filter rejected the question."
_FIREWALL: Final = (
    "A firewall or proxy in front of the model server rejected the request with its own web page (status {}). "
    "Its administrator must check it."
)
_REFUSED: Final = "The model server rejected the request (status {})."
_BROKE_OFF: Final = "The model server stopped with an error."
_KEY_REFUSED: Final = "The model provider rejected this site's API key. The administrator must check it."
_TOO_LONG: Final = "The conversation is too long for this model. Start a new one, or choose another model."
_REDIRECTED: Final = (
    "The model server redirects to another address. Nothing was sent there; the base URL is probably wrong."
)
_NOWHERE: Final = "The model server sent a redirect without an address (status {}). The base URL is probably wrong."
_PACKED: Final = "The model server sent a compressed response that cannot be read."
_CERTIFICATE: Final = (
    "The model server's certificate is not trusted, so nothing was sent. The administrator of this site must check it."
)
_NO_TLS: Final = (
    "The TLS handshake with the model server failed. The base URL probably has the wrong scheme (http or https)."
)
_NO_HOST: Final = "The model server's host name was not found. The base URL may be wrong, or the network may be down."
IMPOSSIBLE: Final = "The model server's address or API key cannot be used. The administrator must check them."
EVENT_TOO_LONG: Final = (
    f"The model server sent a single event of more than {MAX_EVENT_BYTES // 2**20} MiB; the answer was abandoned."
)
NOT_JSON: Final = "The model server sent something that is not JSON, so the answer could not be read."
_CUT_SHORT: Final = "The model server closed the connection before the answer was complete."
_EMPTY: Final = "The model server sent an empty response."
_NO_MODEL: Final = "The model provider does not know this model. Its name or the base URL is probably wrong."


def from_status(response: httpx2.Response, *, secret: quotes.Secret = "") -> ProviderError:
    """The error for a response, read to its end, with a status other than 2xx."""
    status = response.status_code
    if 300 <= status < 400:
        return Redirected(_REDIRECTED if response.extensions.get("redirect") else _NOWHERE.format(status))
    detail = complaint(response)
    said = quotes.said(detail.words, secret)
    wait = _first(retry_after(response.headers), detail.retry_after)
    if known := _known(detail, status, said, wait):
        return known
    if status in (401, 403):
        return _forbidden(response, status, said)
    if status in _TOO_SLOW:
        return TimedOut(quotes.with_quote("The model server timed out waiting for the model.", said))
    if status >= 500:
        sentence = quotes.with_quote(f"The model server is unavailable (status {status}).", said)
        return ProviderUnavailable(
            sentence, retry_after=wait, retryable=not (status in _NEVER or error_signs.is_hopeless(said))
        )
    if status == 413:
        return ContextTooLong(quotes.with_quote(_TOO_LONG, said))
    return ProviderError(quotes.with_quote(_REFUSED.format(status), said))


def from_connection(error: BaseException, *, connect_timeout: float) -> ProviderError:
    """The error for no response: connection refused, host not found, closed before the headers, connect timeout.

    The openai package reports all of these as a timeout, so only the causes tell them apart.
    """
    causes = causes_of(error)
    if any(isinstance(cause, httpx2.UnsupportedProtocol | LeftOrigin) for cause in causes):
        return Misconfigured(IMPOSSIBLE)
    if any(isinstance(cause, httpx2.DecodingError) for cause in causes):
        return ProviderError(_PACKED)
    if any(isinstance(cause, aiohttp.ConnectionTimeoutError) for cause in causes):
        return ProviderUnavailable(f"The model server could not be reached within {connect_timeout:g} seconds.")
    if any(isinstance(cause, aiohttp.SocketTimeoutError) for cause in causes):
        return TimedOut("The model server stopped responding.")
    if any(isinstance(cause, ssl.SSLCertVerificationError) for cause in causes):
        return ProviderUnavailable(_CERTIFICATE, retryable=False)
    if any(isinstance(cause, ssl.SSLError) for cause in causes):
        return ProviderUnavailable(_NO_TLS, retryable=False)
    if any(isinstance(cause, aiohttp.ClientConnectorDNSError) for cause in causes):
        return ProviderUnavailable(_NO_HOST)
    if any(isinstance(cause, aiohttp.ClientConnectorError) for cause in causes):
        return ProviderUnavailable("The model server could not be reached.")
    return ProviderUnavailable("The connection to the model server was lost.")


def cut_off(error: BaseException) -> ProviderError:
    """The error for a connection lost while reading the answer."""
    if any(isinstance(cause, httpx2.DecodingError) for cause in causes_of(error)):
        return ProviderError(_PACKED, retryable=True)
    return Incomplete("The connection to the model server was lost before the answer was complete.")


def reported(error: object, *, secret: quotes.Secret = "") -> ProviderError:
    """The error reported inside a stream or a response of status 200: a mapping, a list of mappings, or a string."""
    detail = ErrorDetail.of(error)
    said = quotes.said(detail.words, secret)
    if known := _known(detail, detail.status, said, detail.retry_after):
        return known
    if detail.status in (401, 403) and not error_signs.speaks_of_a_place(said):
        return AuthenticationFailed(quotes.with_quote(_KEY_REFUSED, said))
    sentence = quotes.with_quote(_BROKE_OFF, said)
    is_hopeless = error_signs.is_hopeless(said)
    if error_signs.is_busy(detail):
        return ProviderUnavailable(sentence, retryable=not is_hopeless)
    return ProviderError(sentence, retryable=not (is_hopeless or error_signs.is_the_requests(detail)))


def ended(name: str, *, secret: quotes.Secret = "") -> ProviderError:
    """The error for a finish reason that does not mean a complete answer. `name`: the server's name for it."""
    return Incomplete(
        quotes.with_quote("The model server ended the answer before it was complete.", quotes.said(name, secret))
    )


def tool_called(name: str) -> ProviderError:
    """The error for a tool call, although no tools were offered."""
    tool = " ".join(clean(name[:_NAME_CHARACTERS]).split())
    called = f"a tool ({tool})" if tool else "a tool"
    return ToolCalled(f"The model called {called} instead of answering, although it was offered no tools.")


def no_completion(value: object, *, secret: quotes.Secret = "") -> ProviderError:
    """The error for a response of status 200 with JSON that is neither an answer nor an error."""
    said = quotes.said(ErrorDetail.of(value).words, secret)
    return ProviderError(quotes.with_quote("The model server sent JSON that is not a chat completion.", said))


def cut_short(head: bytes, *, has_event: bool, secret: quotes.Secret = "") -> ProviderError:
    """The error for a response of status 200 that ended before its answer. `head`: its first bytes."""
    if not head.strip():
        return Incomplete(_EMPTY)
    return Incomplete(_CUT_SHORT) if has_event else _unreadable(head, secret)


def is_too_long(response: httpx2.Response) -> bool:
    detail = complaint(response)
    return error_signs.is_too_long(detail, detail.words[: quotes.READ_CHARACTERS])


def unknown_fields(response: httpx2.Response, fields: Sequence[str]) -> Sequence[str]:
    """Which of these request fields the server seems not to know: all of them if it gives no other reason."""
    detail = complaint(response)
    words = detail.words[: quotes.READ_CHARACTERS]
    named = [
        field
        for field in fields
        if field in detail.fields or (error_signs.speaks_of_a_field(words) and _names(words, field))
    ]
    is_vague = not words or (error_signs.speaks_of_some_field(words) and not detail.fields)
    return named or (fields if is_vague else ())


def mentions(response: httpx2.Response, field: str) -> bool:
    """Whether the server says that it does not know this request field."""
    detail = complaint(response)
    words = detail.words[: quotes.READ_CHARACTERS]
    return error_signs.speaks_of_a_field(words) and (field in detail.fields or _names(words, field))


def complaint(response: httpx2.Response) -> ErrorDetail:
    """What the whole body says, whatever its format."""
    text = response.content.decode("utf-8", "replace")
    try:
        return ErrorDetail.of(json.loads(text))
    except (ValueError, RecursionError):
        return ErrorDetail.of(text)


def told(error: ProviderError, *, secret: quotes.Secret) -> str:
    """The error for the log: the message and the system's error, which alone names the host."""
    causes = (str(cause) for cause in causes_of(error) if isinstance(cause, OSError))
    system = quotes.without_secret(next(causes, ""), secret)
    return f"{error.message} ({system})" if system else error.message


def told_redirect(response: httpx2.Response) -> str:
    """A redirect for the log."""
    if target := response.extensions.get("redirect"):
        return f"redirect to {target} not followed; check the base URL"
    return f"redirect without a Location (status {response.status_code}); check the base URL"


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds to wait, from `retry-after-ms` or `Retry-After` (seconds or an HTTP date); None without either.

    At most a day. Only decimal numbers are accepted, not "inf" or "1e999", which Python would parse.
    """
    for name, divisor in (("retry-after-ms", 1000.0), ("retry-after", 1.0)):
        if _SECONDS.fullmatch(headers.get(name, "").strip()):
            return min(float(headers[name]) / divisor, _MAX_RETRY_AFTER)
    try:
        date = email.utils.parsedate_to_datetime(headers["retry-after"])
        return min(max(0.0, date.timestamp() - time.time()), _MAX_RETRY_AFTER)
    except (KeyError, ValueError, OverflowError, TypeError, OSError):
        return None


def causes_of(error: BaseException | None) -> list[BaseException]:
    """The error and its chain of causes, the root cause last. Chains of contexts may have cycles."""
    causes: list[BaseException] = []
    while error is not None and error not in causes:
        causes.append(error)
        error = error.__cause__ or error.__context__
    return causes


def _known(detail: ErrorDetail, status: int | None, said: str, wait: float | None) -> ProviderError | None:
    """The error recognized by the server's words or codes, or by a clear status; None if it is unknown."""
    # The words of a server error may mean anything.
    words = said if status is None or status < 500 else ""
    if error_signs.is_filtered(detail, words):
        return ProviderError(quotes.with_quote(_FILTERED, said))
    if error_signs.is_over_plan(said):
        return ProviderError(quotes.with_quote(_PLAN, said))
    # Gemini also mentions a quota in rate limits, but then it says how long to wait.
    if status == 402 or error_signs.is_out_of_credit(detail) or (wait is None and error_signs.speaks_of_credit(words)):
        return QuotaExceeded(quotes.with_quote(_QUOTA, said))
    if status == 429 or error_signs.is_too_often(detail):
        return RateLimited(quotes.with_quote(_RATE, said), retry_after=wait)
    if error_signs.is_too_long(detail, said):
        return ContextTooLong(quotes.with_quote(_TOO_LONG, said))
    if error_signs.is_bad_key(detail) or (status == 400 and error_signs.speaks_of_the_key(said)):
        return AuthenticationFailed(quotes.with_quote(_KEY_REFUSED, said))
    if status == 404 or error_signs.is_no_model(detail, words):
        return ProviderError(quotes.with_quote(_NO_MODEL, said))
    return None


def _forbidden(response: httpx2.Response, status: int, said: str) -> ProviderError:
    if status == 403 and response.content.lstrip()[:1] == b"<":
        return ProviderError(_FIREWALL.format(status))
    if status == 403 and error_signs.speaks_of_a_place(said) and not error_signs.speaks_of_the_key(said):
        return ProviderError(quotes.with_quote(_REFUSED.format(status), said))
    return AuthenticationFailed(quotes.with_quote(_KEY_REFUSED, said))


def _names(words: str, field: str) -> bool:
    # Does not match roles as in "user/assistant/user" or paths as in "/v1/user".
    return re.search(rf"(?<![\w/]){field}(?![\w/])", words) is not None


def _first(*seconds: float | None) -> float | None:
    return next((found for found in seconds if found is not None), None)


def _unreadable(head: bytes, secret: quotes.Secret) -> ProviderError:
    text = head.decode("utf-8", "replace")
    lines = [line for line in text.splitlines() if not line.startswith((":", "data:", "event:", "id:", "retry:"))]
    said = quotes.said(" ".join(lines), secret)
    if not said:
        return Incomplete("The model server closed the connection before the answer began.")
    return Incomplete(quotes.with_quote("The model server sent something that is not an answer.", said))
