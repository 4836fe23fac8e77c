"""The user id that providers see: a pseudonym that means nothing outside this site."""

from __future__ import annotations

from typing import Final

from django.utils.crypto import salted_hmac

_PURPOSE: Final = "chat.generation.pseudonym"
_DIGITS: Final = 32


def pseudonym_of(user_id: int) -> str:
    """32 hex digits, stable per user: an HMAC-SHA256 keyed with SECRET_KEY and salted for this purpose.

    Providers use it to tell users apart when they look for abuse. Without the key it reveals neither the account nor
    its id, and the same id gives another pseudonym on another site. A new SECRET_KEY changes every pseudonym.
    """
    return salted_hmac(_PURPOSE, str(user_id), algorithm="sha256").hexdigest()[:_DIGITS]
