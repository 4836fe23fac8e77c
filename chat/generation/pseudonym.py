"""What a provider is told of who asks: a name that means nothing outside this site."""

from __future__ import annotations

from typing import Final

from django.utils.crypto import salted_hmac

_PURPOSE: Final = "chat.generation.pseudonym"
_DIGITS: Final = 32


def pseudonym_of(user_id: int) -> str:
    """32 hex digits, the same for a user each time: an HMAC-SHA256 keyed with SECRET_KEY, for this purpose alone.

    Providers tell users apart by it, to find abuse. Without the key it leads neither to the account nor to its number,
    and another site's user of the same number has another one. A new SECRET_KEY gives everybody a new one.
    """
    return salted_hmac(_PURPOSE, str(user_id), algorithm="sha256").hexdigest()[:_DIGITS]
