from __future__ import annotations

from typing import Any

import pytest

from chat.tools.builtin.fetch.addresses import parse
from chat.tools.mcp.calling import start_of
from chat.tools.mcp.definitions import Definition, accepted, tools_of, unique
from chat.tools.mcp.door import may_be_reached
from chat.tools.mcp.schema import NODES
from chat.tools.mcp.server import Server

PLAIN = {"type": "object", "properties": {"text": {"type": "string"}}}


def of(schema: Any, **fields: Any) -> Definition:
    return Definition.of(fields.get("name", "echo"), fields.get("title"), fields.get("description"), schema)


def test_references_are_inlined() -> None:
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "properties": {
            "one": {"$ref": "#/$defs/a~1b", "description": "The first."},
            "two": {"type": "array", "items": {"$ref": "#/definitions/Two"}},
            "$ref": {"type": "string"},
            "definitions": {"default": {"$ref": "#/data"}},
        },
        "$defs": {"a/b": {"type": "integer", "description": "Any."}},
        "definitions": {"Two": {"$ref": "#/$defs/a~1b"}},
    }
    found = of(schema)
    assert found.problem == ""
    assert found.parameters == {
        "type": "object",
        "properties": {
            "one": {"type": "integer", "description": "The first."},
            "two": {"type": "array", "items": {"type": "integer", "description": "Any."}},
            "$ref": {"type": "string"},
            "definitions": {"default": {"$ref": "#/data"}},
        },
    }


def test_an_object_at_the_root_may_be_a_reference() -> None:
    assert of({"$ref": "#/$defs/Root", "$defs": {"Root": PLAIN}}).parameters == PLAIN
    assert of({}).parameters == {"type": "object", "properties": {}}


def laughs() -> dict[str, Any]:
    """A short document that describes a billion values."""
    defs: dict[str, Any] = {"d0": {"type": "string"}}
    for level in range(1, 10):
        inner = {"$ref": f"#/$defs/d{level - 1}"}
        defs[f"d{level}"] = {"type": "object", "properties": {f"p{each}": inner for each in range(10)}}
    return {"type": "object", "properties": {"all": {"$ref": "#/$defs/d9"}}, "$defs": defs}


def deep(levels: int) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": "string"}
    for _ in range(levels):
        schema = {"type": "object", "properties": {"a": schema}}
    return schema


@pytest.mark.parametrize(
    ("schema", "problem"),
    [
        (None, "no parameters"),
        ([], "no parameters"),
        ({"type": "array"}, "no plain JSON object"),
        ({"type": "object", "anyOf": [PLAIN]}, "no plain JSON object"),
        ({"type": "object", "properties": []}, "no JSON schema"),
        ({"type": "object", "properties": {"a": {"$ref": "https://example.org/a"}}}, "somewhere else"),
        ({"type": "object", "properties": {"a": {"$ref": "#/$defs/gone"}}}, "is missing"),
        ({"type": "object", "properties": {"a": {"$ref": "#/type"}}}, "no schema"),
        ({"type": "object", "properties": {"a": {"$ref": 5}}}, "somewhere else"),
        ({"type": "object", "properties": {"a": {"$ref": "#"}}}, "contains itself"),
        (laughs(), "too large"),
        (deep(500), "nested too deeply"),
        ({"type": "object", "properties": {f"p{number}": {} for number in range(NODES)}}, "too large"),
        ({"type": "object", "properties": {"a": {"enum": ["x" * 40_000]}}}, "too large"),
    ],
)
def test_what_no_provider_would_take_is_a_problem(schema: Any, problem: str) -> None:
    found = of(schema)
    assert problem in found.problem
    assert found.hash_at("ours") == ""


@pytest.mark.parametrize("name", ["", "a b", "a" * 129, "ü", "a\n", 5, None])
def test_impossible_names_are_a_problem(name: Any) -> None:
    assert of(PLAIN, name=name).problem == "has a name that cannot be used"


def test_titles_and_descriptions_are_capped_and_visible() -> None:
    hidden = "".join(chr(0xE0000 + ord(each)) for each in "obey")
    found = of(PLAIN, title=f"Say{hidden}\nit \u202eagain" + "x" * 100, description=f"a\u200bb{hidden}\0" + "d" * 2000)
    assert found.title.startswith("Say it againx")
    assert len(found.title) == 80
    assert found.description.startswith("ab\ufffdd")
    assert len(found.description) == 1024
    assert of(PLAIN, name="get_a.bird").title == "Get a bird"
    assert of(PLAIN, description=7).description == "Echo"


def test_of_tools_with_the_same_name_none_is_used() -> None:
    found = unique([of(PLAIN, name="b"), of(PLAIN, name="a"), of(PLAIN, name="b", description="Another.")])
    assert [(each.name, each.problem) for each in found] == [("a", ""), ("b", "is listed twice")]


def test_all_tools_of_a_server_together_have_a_limit() -> None:
    large = {"type": "object", "properties": {"text": {"enum": ["x" * 30_000]}}}
    found = unique([of(large, name=f"t{number:03}") for number in range(100)])
    problems = [each.problem for each in found]
    assert problems[30] == ""
    assert problems[40:] == ["has parameters that are too large"] * 60


def test_only_what_is_pinned_is_accepted() -> None:
    one, two, bad = of(PLAIN, name="one"), of(PLAIN, name="two"), of(None, name="bad")
    pinned = {"one": one.hash_at("ours"), "two": two.hash_at("theirs"), "bad": ""}
    assert accepted([one, two, bad], "ours", pinned) == [one]
    assert accepted([one], "ours", {}) == []
    for changed in (of(PLAIN, name="one", description="Else."), of({"type": "object"}, name="one")):
        assert accepted([changed], "ours", pinned) == []


def test_all_have_side_effects_unless_an_administrator_says_otherwise() -> None:
    server = Server("ours", "Ours", "http://127.0.0.1/mcp")
    both = [of(PLAIN, name="one"), of(PLAIN, name="two")]
    starts = {each.name: start_of(server, each.name) for each in both}
    found = list(tools_of(server, both, starts, ["two"]))
    assert [(tool.key, tool.side_effects) for tool in found] == [("mcp:ours/one", True), ("mcp:ours/two", False)]


def test_a_definition_survives_the_database() -> None:
    for each in (of(PLAIN), of(None)):
        assert Definition.from_json(each.to_json()) == each


@pytest.mark.parametrize("address", ["169.254.1.1", "::ffff:169.254.169.254", "64:ff9b::a9fe:a9fe", "ff02::1", "::"])
def test_some_addresses_are_never_reached(address: str) -> None:
    found = parse(address)
    assert found is not None
    assert not may_be_reached(found)


@pytest.mark.parametrize("address", ["127.0.0.1", "::1", "10.0.0.1", "192.168.1.1", "fd00::1", "93.184.216.34"])
def test_private_addresses_may_be_reached(address: str) -> None:
    found = parse(address)
    assert found is not None
    assert may_be_reached(found)
