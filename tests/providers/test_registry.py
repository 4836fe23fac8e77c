from __future__ import annotations

import pytest

from chat.providers.base import Finish
from chat.providers.registry import Registry, Replaceable
from tests.providers.contract import ask
from tests.scripted import ScriptedProvider


class Closable(ScriptedProvider):
    def __init__(self) -> None:
        super().__init__()
        self.closed = 0

    async def close(self) -> None:
        self.closed += 1


def of(*made: Closable) -> tuple[Registry, list[Closable]]:
    """A registry that builds the account "ours" from these providers, one after the other."""
    waiting = list(made)
    registry = Registry({"own": Closable}, demos=frozenset({"own"}))
    registry.replace({"ours": Replaceable(0, lambda: waiting.pop(0))})
    return registry, waiting


async def test_accounts_come_last_and_are_created_once() -> None:
    first = Closable()
    registry, _ = of(first)
    assert list(registry) == ["own", "ours"]
    assert len(registry) == 2
    assert registry["ours"] is registry["ours"]
    assert "theirs" not in registry


async def test_a_changed_provider_is_replaced_and_an_unchanged_one_kept() -> None:
    first, second = Closable(), Closable()
    registry, waiting = of(first, second)
    before = registry["ours"]
    registry.replace({"ours": Replaceable(0, Closable)})
    assert registry["ours"] is before
    registry.replace({"ours": Replaceable(1, lambda: waiting.pop(0))})
    assert registry["ours"] is not before
    await registry.tidy()
    assert (first.closed, second.closed) == (1, 0)


async def test_a_removed_provider_is_closed_after_its_answer() -> None:
    first = Closable()
    registry, _ = of(first)
    stream = registry["ours"].stream(ask("hello"))
    first.say("Hel")
    await anext(stream)
    registry.replace({})
    assert list(registry) == ["own"]
    await registry.tidy()
    assert first.closed == 0
    first.put(Finish("stop"))
    assert [delta async for delta in stream] == [Finish("stop")]
    await registry.tidy()
    assert first.closed == 1
    await registry.tidy()
    assert first.closed == 1


async def test_a_removed_provider_is_closed_after_a_late_answer_too() -> None:
    first = Closable()
    registry, _ = of(first)
    held = registry["ours"]
    registry.replace({})
    await registry.tidy()
    stream = held.stream(ask("hello"))
    first.say("Hel")
    await anext(stream)
    closed = first.closed
    await registry.tidy()
    assert first.closed == closed
    await stream.aclose()
    del held, stream
    await registry.tidy()
    assert first.closed == closed + 1


async def test_an_account_cannot_replace_a_builtin_provider() -> None:
    registry = Registry({"own": ScriptedProvider})
    registry.replace({"own": Replaceable(0, Closable)})
    assert list(registry) == ["own"]
    assert not isinstance(registry["own"], Closable)


async def test_it_knows_which_are_demos() -> None:
    registry, _ = of(Closable())
    registry.replace({"toy": Replaceable(0, Closable, is_demo=True), "real": Replaceable(0, Closable)})
    assert registry.demos == {"own", "toy"}


async def test_closing_closes_all_created_providers() -> None:
    first, second = Closable(), Closable()
    registry, waiting = of(first, second)
    held = registry["ours"]
    registry.replace({"ours": Replaceable(1, lambda: waiting.pop(0))})
    assert registry["ours"] is not held
    await registry.close()
    assert (first.closed, second.closed) == (1, 1)


class Unclosable(Closable):
    async def close(self) -> None:
        await super().close()
        raise RuntimeError("transport already closed")


async def test_a_provider_that_fails_to_close_does_not_block_others(caplog: pytest.LogCaptureFixture) -> None:
    first, second = Unclosable(), Closable()
    registry = Registry({})
    registry.replace({"a": Replaceable(0, lambda: first), "b": Replaceable(0, lambda: second)})
    assert [each.name for each in (registry["a"], registry["b"])]
    registry.replace({})
    for _ in range(2):
        await registry.tidy()
    assert (first.closed, second.closed) == (1, 1)
    assert caplog.text.count("closing a replaced provider failed") == 1


async def test_a_provider_that_fails_to_close_keeps_no_other_open(caplog: pytest.LogCaptureFixture) -> None:
    first, second, third = Unclosable(), Closable(), Closable()
    registry = Registry({"a": lambda: first, "b": lambda: second})
    registry.replace({"c": Replaceable(0, lambda: third)})
    assert {each.name for each in (registry["a"], registry["b"], registry["c"])} == {"scripted"}

    await registry.close()

    assert (first.closed, second.closed, third.closed) == (1, 1, 1)
    assert "transport already closed" in caplog.text
