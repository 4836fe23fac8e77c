from __future__ import annotations

from dataclasses import replace

import pytest

from chat.providers.detected import Detected, ListedModel, facts_of
from chat.providers.known_windows import with_windows

OPENAI = "https://api.openai.com/v1"
FOUND = Detected("openai", ("gpt-4o", "gpt-of-tomorrow", ListedModel("gpt-4.1", {"context_window": 5_000})), "gpt-4o")


async def test_missing_context_windows_of_known_vendors_are_filled_in() -> None:
    models = (await with_windows(FOUND, OPENAI)).models

    assert models == FOUND.models
    assert [dict(facts_of(model)) for model in models] == [{"context_window": 128_000}, {}, {"context_window": 5_000}]


@pytest.mark.parametrize(
    "base_url", ["", "http://localhost:1234/v1", "https://models.example/v1", "https://[", "nonsense"]
)
async def test_windows_of_other_servers_are_not_guessed(base_url: str) -> None:
    """It may serve a model of the same name with another window."""
    models = (await with_windows(FOUND, base_url)).models

    assert [dict(facts_of(model)) for model in models] == [{}, {}, {"context_window": 5_000}]


async def test_other_facts_are_kept() -> None:
    listed = replace(FOUND, models=(ListedModel("gpt-4o", {"can_use_tools": True}),))

    [model] = (await with_windows(listed, OPENAI)).models

    assert facts_of(model) == {"can_use_tools": True, "context_window": 128_000}
