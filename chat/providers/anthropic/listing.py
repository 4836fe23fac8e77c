"""The names of a server's models, which come in pages.

Spec: https://platform.claude.com/docs/en/api/models/list
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from contextlib import aclosing
from typing import Final

import httpx2

from chat.providers.http import listing, untrusted_json
from chat.providers.http.listing import MOST_MODELS

_PAGE: Final = {"limit": "1000"}
_MOST_PAGES: Final = 20
# Longer than any id.
_MOST_CHARACTERS: Final = 200

Fetch = Callable[[Mapping[str, str]], Awaitable[httpx2.Response]]


async def read(fetch: Fetch) -> tuple[str, ...]:
    """The names on all pages, in the server's order, at most MOST_MODELS. `fetch` gives a page, its body unread.

    Raises listing.NoListing. A server that never comes to an end is not followed.
    """
    names: dict[str, None] = {}
    after = ""
    for _ in range(_MOST_PAGES):
        response = await fetch(_PAGE | ({"after_id": after} if after else {}))
        async with aclosing(response):
            body = await listing.whole(response.aiter_bytes())
        names |= dict.fromkeys(listing.names(body))
        last, after = after, _next_page(body)
        if not after or after == last or len(names) >= MOST_MODELS:
            break
    return tuple(names)[:MOST_MODELS]


def _next_page(body: bytes) -> str:
    """The id after which the next page begins; empty if there is none."""
    try:
        page = untrusted_json.parse(body)
    except ValueError:
        return ""
    last = page.get("last_id") if isinstance(page, dict) and page.get("has_more") is True else None
    return last if isinstance(last, str) and len(last) <= _MOST_CHARACTERS and last.isprintable() else ""
