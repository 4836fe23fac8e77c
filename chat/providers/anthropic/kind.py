"""Servers with Anthropic's Messages API as a kind of provider."""

from __future__ import annotations

from typing import Final

from chat.providers.anthropic.detection import NAME, detect
from chat.providers.base import Provider
from chat.providers.kinds import Account, Environment, Kind, OnFailure, Settings

BASE_URL: Final = "https://api.anthropic.com"


def _build(account: Account, on_failure: OnFailure) -> Provider:
    from chat.providers.anthropic.provider import AnthropicProvider

    return AnthropicProvider(**account.connection, on_failure=on_failure)


def _account(settings: Settings) -> Account:
    return Account(NAME, settings.get("ANTHROPIC_BASE_URL") or BASE_URL, settings.get("ANTHROPIC_API_KEY", ""))


KINDS: Final = (
    Kind(
        NAME,
        "Anthropic",
        position=5,
        build=_build,
        environment=Environment(
            ("ANTHROPIC_API_KEY", "ANTHROPIC_BASE_URL", "ANTHROPIC_MODEL"),
            _account,
            detect,
            needs=("ANTHROPIC_API_KEY",),
        ),
        needs_key=True,
        default_base_url=BASE_URL,
    ),
)
