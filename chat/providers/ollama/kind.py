"""Ollama as a kind of provider."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from chat.providers.base import Provider
from chat.providers.kinds import Account, Environment, Kind, OnFailure, Settings
from chat.providers.ollama.descriptions import described
from chat.providers.ollama.detection import NAME, URL, detect


def _build(account: Account, on_failure: OnFailure) -> Provider:
    # The openai package takes a second to import: a site with only the demo should not wait for it.
    from chat.providers.openai.chat import OpenAIProvider

    return OpenAIProvider(**{**account.connection, "base_url": f"{_root(account)}/v1"}, on_failure=on_failure)


async def _described(account: Account, models: Sequence[str]) -> tuple[str, ...]:
    return await described(_root(account), models, headers=account.authorization)


def _root(account: Account) -> str:
    """Both of its APIs are below this address, whichever the account names."""
    return (account.base_url or URL).rstrip("/").removesuffix("/v1")


def _account(settings: Settings) -> Account:
    return Account(NAME, base_url=f"{settings.get('OLLAMA_URL', '').rstrip('/')}/v1")


KINDS: Final = (
    Kind(
        NAME,
        "Ollama",
        position=10,
        build=_build,
        environment=Environment(("OLLAMA_URL",), _account, detect, needs=("OLLAMA_URL",), is_guess=True),
        default_base_url=URL,
        described=_described,
    ),
)
