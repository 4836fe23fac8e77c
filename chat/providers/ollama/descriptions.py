"""What Ollama says of each model, beyond its name."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

from chat.providers.detected import ListedModel
from chat.providers.http import asking
from chat.providers.http.model_facts import window

SECONDS: Final = 2.0
# Far more than anybody looks at. Each is one small request, the first time.
MOST_MODELS: Final = 100
_NUM_CTX: Final = re.compile(r"^num_ctx\s+(\d{1,10})\s*$", re.MULTILINE)
# By server and model, while the server lists it: what a model can do does not change while it has its name.
_known: dict[tuple[str, str], dict[str, Any]] = {}


async def described(
    root: str, models: Sequence[str], *, headers: Mapping[str, str] = MappingProxyType({}), seconds: float = SECONDS
) -> tuple[str, ...]:
    """The models as ListedModel, as far as Ollama at `root` says more of them in time. Never raises."""
    for gone in [key for key in _known if key[0] == root and key[1] not in models]:
        del _known[gone]
    try:
        async with asking.timeout(seconds), asking.session(headers) as server:
            for model in models[:MOST_MODELS]:
                if (root, model) not in _known:
                    _known[root, model] = _facts(await asking.ask(server, f"{root}/api/show", {"model": model}))
    except asking.UNANSWERED:
        # An older Ollama, or something else at its address: the names are enough.
        pass
    return tuple(ListedModel(model, _known[root, model]) if (root, model) in _known else model for model in models)


def _facts(shown: dict[str, Any]) -> dict[str, Any]:
    """The context window only if the model sets it: else Ollama cuts at a length that it does not tell."""
    parameters, abilities = shown.get("parameters"), shown.get("capabilities")
    found: dict[str, Any] = {}
    if isinstance(parameters, str) and (said := _NUM_CTX.search(parameters)) and (size := window(int(said[1]))):
        found["context_window"] = size
    if isinstance(abilities, list):
        found |= {
            "can_use_tools": "tools" in abilities,
            "can_see_images": "vision" in abilities,
            "thinks": "thinking" in abilities,
        }
    return found
