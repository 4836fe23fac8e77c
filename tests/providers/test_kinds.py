from __future__ import annotations

import pytest

from chat.providers.kinds import Account, SiteSettings, kinds, settings_read


def test_the_kinds_are_in_the_order_of_the_menu() -> None:
    assert list(kinds()) == ["openai", "openai-responses", "anthropic", "ollama", "demo"]


@pytest.mark.parametrize("name", list(kinds()))
async def test_each_kind_makes_a_provider_with_the_accounts_name(name: str) -> None:
    kind = kinds()[name]
    provider = kind.build(Account("ours", base_url=kind.default_base_url, api_key="key"), lambda _: None)

    assert (provider.name, provider.is_demo) == ("ours", kind.stand_in is not None)
    await provider.close()


def test_keys_are_in_no_text() -> None:
    account = Account("ours", api_key="secret", headers={"X-Key": "secret"})
    assert "secret" not in f"{account!r} {SiteSettings(OPENAI_API_KEY='secret')!r}"


def test_the_settings_that_the_kinds_read_are_named_once() -> None:
    names = settings_read()
    assert {"OPENAI_API_KEY", "OLLAMA_URL", "CHAT_IDLE_TIMEOUT"} <= {*names}
    assert len({*names}) == len(names)
