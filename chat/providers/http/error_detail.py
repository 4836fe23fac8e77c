"""Extracts a server's error from any JSON that it sends.

Nearly every server has its own format: `{"error": {"message", "type", "code", "param"}}` (OpenAI), the same without
`error` (vLLM), `{"error": "…"}` (LM Studio), an array of them (Gemini), `{"detail": [{"loc", "msg"}]}` (FastAPI),
`{"errors": […]}` (Cloudflare), `{"error_code", "error_msg"}` (Qianfan), `{"base_resp": {"status_code"}}` (MiniMax).
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

_WORDS: Final = (
    "message",
    "Message",
    "msg",
    "error_msg",
    "error_message",
    "errorMessage",
    "status_msg",
    "text",
    "raw",
    "title",
    "reasons",
)
_CONTAINERS: Final = ("error", "errors", "detail", "details", "innererror", "metadata", "base_resp", "body")
_CODES: Final = ("code", "type", "status", "error_code", "error_type", "status_code", "native_finish_reason")
_WAITS: Final = ("retryDelay", "retry_after", "retry_after_seconds")
_SECONDS: Final = re.compile(r"(\d{1,6}(?:\.\d{1,9})?)s?")
_STATUS: Final = re.compile(r"[1-5]\d\d")
# llama.cpp quotes the source of the chat template before the sentence that the template raised.
_TEMPLATE_ERROR: Final = "Jinja Exception: "
_DEPTH: Final = 6
_ITEMS: Final = 10
# How much of one text is read.
_CHARACTERS: Final = 8192


@dataclass(slots=True)
class ErrorDetail:
    """words: the server's messages, joined; may contain the API key. codes: in lower case.

    fields: request fields named by the server. status: the HTTP status it names. retry_after: seconds.
    """

    words: str = ""
    codes: set[str] = field(default_factory=set)
    fields: set[str] = field(default_factory=set)
    status: int | None = None
    retry_after: float | None = None

    @classmethod
    def of(cls, value: object) -> ErrorDetail:
        """Read any JSON. Values that are nested too deeply or too long are ignored."""
        found = cls()
        found.words = ": ".join(dict.fromkeys(words.rstrip(".: ") for words in found._read(value, 0) if words))
        return found

    def _read(self, value: object, depth: int) -> Iterator[str]:
        if isinstance(value, str):
            yield from self._read_text(value[:_CHARACTERS], depth)
        elif isinstance(value, list) and depth < _DEPTH:
            for item in value[:_ITEMS]:
                yield from self._read(item, depth + 1)
        elif isinstance(value, dict) and depth < _DEPTH:
            self._note(value)
            place = value.get("loc")
            where = _path(place) if isinstance(place, list) else ""
            for name in (*_WORDS, *_CONTAINERS):
                for words in self._read(value.get(name), depth + 1):
                    yield f"{where} {words}" if where else words

    def _read_text(self, text: str, depth: int) -> Iterator[str]:
        # A proxy often embeds the upstream's error as a JSON string.
        if text.lstrip()[:1] in ("{", "[") and depth < _DEPTH:
            try:
                inner = list(self._read(json.loads(text), depth + 1))
            except (ValueError, RecursionError):
                inner = []
            if inner:
                yield from inner
                return
        yield "".join(" ".join(text.split()).rpartition(_TEMPLATE_ERROR)[1:])

    def _note(self, value: dict[str, Any]) -> None:
        for code in filter(None, (_code(value.get(name)) for name in _CODES)):
            self.codes.add(code)
            if self.status is None and _STATUS.fullmatch(code):
                self.status = int(code)
        for name in ("param", "loc"):
            named = value.get(name)
            if isinstance(named, list):
                self.fields.update(part for part in named[:_ITEMS] if isinstance(part, str))
            elif isinstance(named, str):
                self.fields.add(named)
        for name in _WAITS:
            if self.retry_after is None:
                self.retry_after = _seconds(value.get(name))


def is_error(value: object) -> bool:
    """Whether JSON that is not part of an answer reports an error."""
    if isinstance(value, list):
        return any(is_error(item) for item in value[:_ITEMS])
    if not isinstance(value, dict):
        return False
    code = _code(value.get("code"))
    return bool(
        value.get("error")
        or value.get("errors")
        or "error" in (value.get("object"), value.get("type"))
        or any(_code(value.get(name)) for name in ("error_code", "errorCode", "err_code", "error_msg"))
        or value.get("success") is False
        or (isinstance(base := value.get("base_resp"), dict) and _code(base.get("status_code")))
        or (code and code not in _GOOD_CODES and isinstance(value.get("message") or value.get("msg"), str))
    )


_GOOD_CODES: Final = frozenset({"200", "ok", "success"})


def _code(value: object) -> str:
    """The code in lower case; empty for none, and for 0, which means success."""
    if isinstance(value, bool):
        return ""
    if isinstance(value, int):
        return str(value) if value and abs(value) < 2**31 else ""
    return value[:100].strip().lower() if isinstance(value, str) and value != "0" else ""


def _path(place: list[Any]) -> str:
    return ".".join(str(part)[:100] for part in place[:_ITEMS] if isinstance(part, str | int)) + ":"


def _seconds(value: object) -> float | None:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return float(value) if 0 <= value < 1e6 and math.isfinite(value) else None
    match = _SECONDS.fullmatch(value) if isinstance(value, str) else None
    return float(match[1]) if match else None
