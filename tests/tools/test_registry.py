"""Keys, and the names that a model sees."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from chat.tools.base import Tool, ToolFailed
from chat.tools.registry import Registry
from tests.tools.calling import made


async def look() -> None:
    """Look."""


LOOK = made(look)


def registry(*keys: str) -> Registry:
    return Registry(replace(LOOK, key=key, description=key) for key in keys)


def aliases(*keys: str) -> dict[str, str]:
    found = registry(*keys)
    return {key: found.alias_of(key) for key in keys}


def test_the_alias_is_the_name() -> None:
    assert aliases("builtin:clock", "local:bird-2", "mcp:git hub/list.issues") == {
        "builtin:clock": "clock",
        "local:bird-2": "bird-2",
        "mcp:git hub/list.issues": "git_hub_list_issues",
    }


KEYS = [
    "builtin:search",
    "local:search",
    "mcp:a/search",
    "mcp:a_search/",
    "mcp:a/sea.rch",
    "mcp:a/sea/rch",
    "mcp:a/" + "x" * 100,
    "mcp:a/" + "x" * 101,
    "mcp:搜索/搜索",
    "mcp:",
    "local:größe",
]


def test_every_alias_is_valid_unique_and_resolvable() -> None:
    found = registry(*KEYS)
    names = [found.alias_of(key) for key in KEYS]
    assert len(set(names)) == len(KEYS)
    for key, name in zip(KEYS, names, strict=True):
        assert re.fullmatch("[a-zA-Z0-9_-]{1,64}", name)
        assert found.called(name).key == key


def test_a_tool_of_the_site_keeps_its_name() -> None:
    found = aliases("mcp:search", "local:search", "builtin:search")
    assert found["builtin:search"] == "search"
    assert re.fullmatch("search_[0-9a-f]{6}", found["local:search"])
    assert re.fullmatch("search_[0-9a-f]{6}", found["mcp:search"])


def test_a_name_that_imitates_a_suffix_replaces_no_other() -> None:
    taken = aliases("builtin:search", "local:search")["local:search"]
    found = registry("builtin:search", "local:search", f"local:{taken}", f"mcp:{taken}")
    assert len({found.alias_of(tool.key) for tool in found}) == 4


def test_the_order_of_discovery_does_not_matter() -> None:
    assert registry(*KEYS).offered() == registry(*reversed(KEYS)).offered()
    assert [tool.key for tool in registry(*KEYS)] == sorted(KEYS)


def test_offered_tools_are_sorted_by_alias() -> None:
    offered = registry("mcp:zoo/a", "local:b", "builtin:c").offered()
    assert [(tool.name, tool.description) for tool in offered] == [
        ("b", "local:b"),
        ("c", "builtin:c"),
        ("zoo_a", "mcp:zoo/a"),
    ]
    assert offered[0].parameters == LOOK.parameters


def test_a_subset_of_the_tools_keeps_its_aliases() -> None:
    every = registry("builtin:search", "local:search", "local:look")
    some = every.only({"local:search", "local:gone"})
    assert [tool.key for tool in some] == ["local:search"]
    assert some.alias_of("local:search") == every.alias_of("local:search") != "search"
    assert [tool.name for tool in some.offered()] == [every.alias_of("local:search")]
    with pytest.raises(ToolFailed):
        some.called("search")
    assert len(every) == 3
    assert "local:search" in some
    assert "builtin:search" not in some


@pytest.mark.parametrize("name", ["", "look2", "LOOK", "local:look", "mcp:a/look"])
def test_an_unknown_tool_is_refused_with_the_available_names(name: str) -> None:
    with pytest.raises(ToolFailed, match=r"There is no tool of this name\. Your tools are: a_look, look\.") as failure:
        registry("local:look", "mcp:a/look").called(name)
    assert failure.value.code == "unknown_tool"


def test_without_tools_every_name_is_unknown() -> None:
    with pytest.raises(ToolFailed, match="You have no tools"):
        Registry(()).called("look")


def test_a_key_is_looked_up() -> None:
    tool: Tool | None = registry("local:look").get("local:look")
    assert tool is not None
    assert registry().get("local:look") is None
