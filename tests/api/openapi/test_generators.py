"""The document avoids what client generators cannot handle. tests/clients runs some of them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from chat.api.openapi.document import document
from chat.protocol.errors import ERRORS
from tests.api.openapi.openapi import operations, schema_of

# Generators turn these into types without fields, or fail: openapi-python-client, NSwag and Kiota among them.
CHOICES = {"oneOf", "anyOf", "not"}


def below(schema: Any, path: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every part of a schema with its path, references included."""
    if isinstance(schema, list):
        for number, each in enumerate(schema):
            yield from below(each, f"{path}/{number}")
    elif isinstance(schema, dict):
        yield path, schema
        name = schema.get("$ref", "").rpartition("/")[2]
        if name and f"/{name}/" not in f"{path}/":
            yield from below(schema_of(name), f"{path}/{name}")
        for key, value in schema.items():
            yield from below(value, f"{path}/{key}")


def bodies() -> list[tuple[str, dict[str, Any]]]:
    """The schema of every JSON body, of requests and responses."""
    found = []
    for _, _, operation in operations():
        sides = {"request": operation.get("requestBody", {}), **operation["responses"]}
        for side, body in sides.items():
            content = body.get("content", {}).get("application/json")
            if content:
                found.append((f"{operation['operationId']}/{side}", content["schema"]))
    return found


def test_the_openapi_version_is_supported_by_generators() -> None:
    assert document()["openapi"].startswith("3.1.")


def test_bodies_are_found() -> None:
    names = [name for name, _ in bodies()]

    assert {"startRun/request", "changeConversation/request", "listConversations/200", "getRun/404"} <= set(names)


@pytest.mark.parametrize(("name", "schema"), bodies(), ids=[name for name, _ in bodies()])
def test_a_body_is_one_type(name: str, schema: dict[str, Any]) -> None:
    assert [path for path, part in below(schema, name) if CHOICES & part.keys()] == []


def test_every_array_has_an_item_type() -> None:
    def is_list(part: dict[str, Any]) -> bool:
        kinds = part.get("type")
        return kinds == "array" or (isinstance(kinds, list) and "array" in kinds)

    lists = [(path, part) for path, part in below(document(), "") if is_list(part)]

    assert lists
    assert [path for path, part in lists if not isinstance(part.get("items"), dict)] == []


def test_a_reference_has_only_a_description_beside_it() -> None:
    found = [(path, part) for path, part in below(document()["paths"], "") if "$ref" in part]

    assert found
    assert [path for path, part in found if not part.keys() <= {"$ref", "description"}] == []


def test_error_codes_are_an_enum() -> None:
    codes = schema_of("ErrorCode")

    assert (codes["type"], codes["enum"]) == ("string", list(ERRORS))
    assert codes["x-enum-descriptions"] == [kind.sentence for kind in ERRORS.values()]


def test_a_planted_union_type_is_found() -> None:
    planted = {"properties": {"x": {"items": {"anyOf": [{"type": "string"}]}}}}

    assert [path for path, part in below(planted, "") if CHOICES & part.keys()] == ["/properties/x/items"]
