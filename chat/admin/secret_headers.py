"""Headers with secrets, as a form takes them: they go in, and never come out again."""

from __future__ import annotations

from typing import Any, Final

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

HEADERS: Final = 20
# RFC 9110: a token.
_NAME_CHARACTERS: Final = frozenset("!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyz")
# The connection is the site's own business.
OWN_HEADERS: Final = frozenset(
    {"host", "content-length", "content-type", "transfer-encoding", "connection", "accept-encoding", "cookie"}
)


class SecretTextarea(forms.Textarea):
    """Never gives back what was entered, not even after a mistake in another field."""

    def format_value(self, value: Any) -> str:
        return ""


def read_headers(text: str, own: frozenset[str] = OWN_HEADERS) -> dict[str, str]:
    """One “Name: value” per line. `own`: names that cannot be set, in lower case. Raises ValidationError."""
    headers: dict[str, str] = {}
    for line in text.splitlines():
        if not line.strip():
            continue
        name, colon, value = (part.strip() for part in line.partition(":"))
        if not (name and colon and value and {*name.lower()} <= _NAME_CHARACTERS and _is_value(value)):
            # Without quoting the line: it may hold a key.
            raise ValidationError(_("Each line is a name, a colon and a value of printable ASCII characters."))
        if name.lower() in own:
            raise ValidationError(_("The header %(name)s cannot be set."), params={"name": name})
        headers[name] = value
    if len(headers) > HEADERS:
        raise ValidationError(_("There are too many headers."))
    return headers


def _is_value(text: str) -> bool:
    return text.isascii() and text.isprintable()
