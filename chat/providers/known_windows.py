"""The context windows of well-known vendors' models, for servers that do not tell them."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import replace

from chat.providers.detected import Detected, ListedModel, facts_of
from chat.providers.http.model_facts import window

logger = logging.getLogger(__name__)


async def with_windows(detected: Detected, base_url: str) -> Detected:
    """The same with the windows that the package genai-prices knows for the vendor at this address. Never raises."""
    if all("context_window" in facts_of(model) for model in detected.models):
        return detected
    # In a thread: the package takes a moment to import, and 25 MB, so it is imported only where it may help.
    models = await asyncio.to_thread(_described, detected.models, base_url)
    return replace(detected, models=models)


def _described(models: Sequence[str], base_url: str) -> tuple[str, ...]:
    if not base_url.startswith("https://"):
        # A server of one's own decides on its windows itself.
        return tuple(models)
    from genai_prices.data_snapshot import get_snapshot

    found = []
    for model in models:
        facts = facts_of(model)
        if "context_window" not in facts:
            try:
                _, known = get_snapshot().find_provider_model(str(model), None, None, base_url)
                size = window(known.context_window)
            except LookupError:
                size = None
            except Exception:
                logger.exception("providers: looking up the context window of a model failed")
                size = None
            facts = {**facts, "context_window": size} if size else facts
        found.append(ListedModel(str(model), facts) if facts else model)
    return tuple(found)
