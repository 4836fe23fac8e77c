"""Parses a server's list of models, whatever its format, into names that can be stored, shown and requested."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterable, Awaitable
from typing import Any, Final

from chat.providers.base import Misconfigured, ProviderError, TimedOut
from chat.providers.detected import ListedModel
from chat.providers.http import errors, quotes
from chat.providers.http.chat_models import may_chat
from chat.providers.http.model_facts import facts

MOST_BYTES: Final = 8 * 1024 * 1024
MOST_MODELS: Final = 1000
# The width of the assistant's database column.
MOST_CHARACTERS: Final = 200


class NoListing(ValueError):
    """The bytes contain no list of models. The message says why, as the end of a sentence."""


async def listed(reading: Awaitable[tuple[str, ...]], *, seconds: float, secret: str) -> tuple[str, ...]:
    """What this reads, without names that contain the key. Raises ProviderError and the errors of the transport."""
    try:
        async with asyncio.timeout(seconds):
            found = await reading
    except NoListing as exc:
        raise ProviderError(f"The model server's list of models {exc}.") from None
    except TimeoutError as exc:
        raise TimedOut("The model server did not list its models in time.") from exc
    except errors.TRANSPORT_ERRORS:
        raise
    except errors.IMPOSSIBLE_ERRORS:
        raise Misconfigured(errors.IMPOSSIBLE) from None
    return tuple(name for name in found if quotes.without_secret(name, secret) == name)


async def read(body: AsyncIterable[bytes]) -> tuple[str, ...]:
    """The names in this body, in its order. Raises NoListing, and stops reading if the body is too long."""
    return names(await whole(body))


async def whole(body: AsyncIterable[bytes]) -> bytes:
    """The bytes of this body. Raises NoListing, and stops reading, if there are too many."""
    pieces: list[bytes] = []
    size = 0
    async for piece in body:
        pieces.append(piece)
        size += len(piece)
        if size > MOST_BYTES:
            raise NoListing(f"is longer than {MOST_BYTES // 2**20} MiB")
    return b"".join(pieces)


def names(body: bytes) -> tuple[str, ...]:
    """The names in this JSON: `{"data": [{"id": …}]}` (OpenAI), `{"models": [{"name": …}]}` (Ollama) or a bare list.

    Entries may also be names themselves. Skips names with control characters or too long for the column, and models
    that the list marks as not for chat. At most the first thousand, without duplicates. Raises NoListing.
    """
    try:
        # Numbers are never names; parsing them as float avoids the limit on integer digits.
        listing = json.loads(body.decode("utf-8-sig", "replace"), strict=False, parse_int=float)
    except (ValueError, RecursionError):
        why = "is a web page" if body.lstrip()[:1] == b"<" else "is empty" if not body.strip() else "is not JSON"
        raise NoListing(why) from None
    if isinstance(listing, dict):
        lists = [listing[key] for key in ("data", "models") if isinstance(listing.get(key), list)]
        entries = next(filter(None, lists), lists[0] if lists else None)
    else:
        entries = listing
    if not isinstance(entries, list):
        raise NoListing("is not a list of models")
    found: dict[str, None] = {}
    for entry in entries:
        if name := _name(entry):
            found.setdefault(name)
        if len(found) == MOST_MODELS:
            break
    return tuple(found)


def _name(entry: Any) -> str:
    """The name of a model that may chat, as ListedModel if there is more of it; empty for anything else."""
    known: dict[str, Any] = {}
    if isinstance(entry, dict):
        if not may_chat(entry):
            return ""
        known = facts(entry)
        entry = next((name for key in ("id", "name", "model") if isinstance(name := entry.get(key), str) and name), "")
    if not isinstance(entry, str) or len(entry) > MOST_CHARACTERS or not entry.isprintable():
        return ""
    if entry != entry.strip():
        return ""
    return ListedModel(entry, known) if known else entry
