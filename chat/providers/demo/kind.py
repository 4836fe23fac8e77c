"""The demo as a kind of provider."""

from __future__ import annotations

from typing import Final

from chat.providers.base import Provider
from chat.providers.demo.provider import MODEL, TOKENS_PER_SECOND, DemoProvider
from chat.providers.detected import Detected
from chat.providers.kinds import Account, Environment, Kind, OnFailure, Settings

NAME: Final = "demo"


def _build(account: Account, on_failure: OnFailure) -> Provider:
    return DemoProvider(**{"name": account.name, **account.options})


def _account(settings: Settings) -> Account:
    speed = settings.get("CHAT_DEMO_TOKENS_PER_SECOND", TOKENS_PER_SECOND)
    return Account(NAME, options={"tokens_per_second": speed})


KINDS: Final = (
    Kind(
        NAME,
        "Demo",
        position=20,
        build=_build,
        environment=Environment(("CHAT_DEMO_TOKENS_PER_SECOND",), _account),
        has_address=False,
        stand_in=Detected(NAME, (MODEL,), MODEL, is_guess=True),
    ),
)
