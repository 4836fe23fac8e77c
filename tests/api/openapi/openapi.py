"""Helpers that query the OpenAPI document."""

from __future__ import annotations

from typing import Any

from jsonschema import Draft202012Validator

from chat.api.openapi.document import document

PUBLIC = {"/api/openapi.json", "/api/docs"}
ID = "0198f2a4-5d3b-7c11-9a52-6f1f3a9be00"


def check(instance: object, name: str) -> None:
    """Raises ValidationError if the instance does not match the schema with this name."""
    schema = {"$ref": f"#/components/schemas/{name}", "components": document()["components"]}
    Draft202012Validator(schema, format_checker=Draft202012Validator.FORMAT_CHECKER).validate(instance)


def accepts(instance: object, schema: dict[str, Any]) -> bool:
    return Draft202012Validator(schema).is_valid(instance)


def operations() -> list[tuple[str, str, dict[str, Any]]]:
    """The path, the method and the operation of every call."""
    return [
        (path, method.upper(), operation)
        for path, item in document()["paths"].items()
        for method, operation in item.items()
        if method != "parameters"
    ]


def schema_of(name: str) -> dict[str, Any]:
    found: dict[str, Any] = document()["components"]["schemas"][name]
    return found


def codes_of(answer: dict[str, Any]) -> list[str]:
    """The error codes of a response."""
    codes: list[str] = answer.get("x-error-codes", [])
    return codes
