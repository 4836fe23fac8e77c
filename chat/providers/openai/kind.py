"""Servers with OpenAI's APIs as kinds of providers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from chat.providers.base import Provider
from chat.providers.kinds import Account, Environment, Kind, OnFailure, Settings
from chat.providers.openai.descriptions import described
from chat.providers.openai.detection import NAME, detect
from chat.providers.text import gettext_noop

BASE_URL: Final = "https://api.openai.com/v1"


def _chat(account: Account, on_failure: OnFailure) -> Provider:
    # The openai package takes a second to import: a site with only the demo should not wait for it.
    from chat.providers.openai.chat import OpenAIProvider

    return OpenAIProvider(**account.connection, on_failure=on_failure)


def _responses(account: Account, on_failure: OnFailure) -> Provider:
    from chat.providers.openai.responses import ResponsesProvider

    return ResponsesProvider(**account.connection, on_failure=on_failure)


async def _described(account: Account, models: Sequence[str]) -> tuple[str, ...]:
    base_url = account.base_url or BASE_URL
    return tuple(models) if base_url == BASE_URL else await described(base_url, models, headers=account.authorization)


def _account(settings: Settings) -> Account:
    return Account(NAME, settings.get("OPENAI_BASE_URL") or BASE_URL, settings.get("OPENAI_API_KEY", ""))


KINDS: Final = (
    Kind(
        NAME,
        gettext_noop("OpenAI-compatible server"),
        position=0,
        build=_chat,
        environment=Environment(
            ("OPENAI_API_KEY", "OPENAI_BASE_URL", "OPENAI_MODEL"),
            _account,
            detect,
            needs=("OPENAI_API_KEY", "OPENAI_BASE_URL"),
        ),
        default_base_url=BASE_URL,
        described=_described,
    ),
    Kind(
        "openai-responses",
        "OpenAI Responses",
        position=2,
        build=_responses,
        needs_key=True,
        default_base_url=BASE_URL,
    ),
)
