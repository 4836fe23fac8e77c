"""What llama.cpp's server says of its model, beyond its list: the context that it serves, and what it can do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

from chat.providers.detected import ListedModel, facts_of
from chat.providers.http import asking
from chat.providers.http.model_facts import window

SECONDS: Final = 2.0


async def described(
    base_url: str, models: Sequence[str], *, headers: Mapping[str, str] = MappingProxyType({})
) -> tuple[str, ...]:
    """The models as ListedModel. Asks only a server with a single model that says nothing yet. Never raises."""
    if len(models) != 1 or "context_window" in facts_of(models[0]):
        return tuple(models)
    try:
        async with asking.timeout(SECONDS), asking.session(headers) as server:
            props = await asking.ask(server, f"{base_url.rstrip('/').removesuffix('/v1')}/props")
    except asking.UNANSWERED:
        return tuple(models)
    return (ListedModel(models[0], {**facts_of(models[0]), **_facts(props)}),)


def _facts(props: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    settings, senses, template = (
        each if isinstance(each := props.get(name), dict) else {}
        for name in ("default_generation_settings", "modalities", "chat_template_caps")
    )
    if size := window(settings.get("n_ctx")):
        found["context_window"] = size
    if isinstance(sees := senses.get("vision"), bool):
        found["can_see_images"] = sees
    if isinstance(calls := template.get("supports_tools"), bool):
        found["can_use_tools"] = calls
    return found
