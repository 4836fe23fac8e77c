"""The JSON schema of a tool's parameters, as every provider takes it: an object at its root, no `$ref`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import unquote

from chat.protocol.untrusted_input import is_deep, storable

# Of one tool, after inlining: a few references can describe millions of values.
NODES: Final = 2_000
DEPTH: Final = 24

_DATA: Final = frozenset({"default", "enum", "const", "examples", "required"})
_BY_NAME: Final = frozenset({"properties", "patternProperties", "dependentSchemas"})
_DROPPED: Final = frozenset({"definitions", "discriminator"})
_NOT_AT_THE_ROOT: Final = ("anyOf", "oneOf", "allOf", "not", "enum", "const", "if")


class Unusable(ValueError):
    """No provider would take this schema. The message completes "The tool …"."""


def usable(schema: Any) -> dict[str, Any]:
    """Raises Unusable."""
    if not isinstance(schema, dict):
        raise Unusable("has no parameters that are a JSON schema")
    if is_deep(schema, depth=DEPTH * 2):
        raise Unusable("has parameters that are nested too deeply")
    root = _Inliner(schema).inlined(schema, ())
    if root.get("type", "object") != "object" or any(key in root for key in _NOT_AT_THE_ROOT):
        raise Unusable("has parameters that are no plain JSON object")
    if not isinstance(root.get("properties", {}), dict):
        raise Unusable("has parameters that are no JSON schema")
    required = [name for name in _listed(root.get("required")) if isinstance(name, str)]
    found = {"properties": {}, **root, "type": "object", "required": required}
    clean: dict[str, Any] = storable(found if required else {key: found[key] for key in found if key != "required"})
    return clean


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


class _Inliner:
    def __init__(self, document: Mapping[str, Any]) -> None:
        self._document = document
        self._left = NODES

    def inlined(self, schema: Any, inside: tuple[str, ...]) -> Any:
        self._left -= 1
        if self._left < 0 or len(inside) > DEPTH:
            raise Unusable("has parameters that are too large")
        if isinstance(schema, list):
            return [self.inlined(each, inside) for each in schema]
        if not isinstance(schema, dict):
            return schema
        if (reference := schema.get("$ref")) is None:
            return {
                key: self._value(key, value, inside)
                for key, value in schema.items()
                if not key.startswith(("$", "x-")) and key not in _DROPPED
            }
        if reference in inside:
            raise Unusable("has a parameter that contains itself")
        found = self._found(reference)
        others = {key: value for key, value in schema.items() if key != "$ref"}
        return self.inlined({**found, **others}, (*inside, reference))

    def _value(self, key: str, value: Any, inside: tuple[str, ...]) -> Any:
        if key in _DATA:
            self._left -= len(str(value)) // 32
            return value
        if key in _BY_NAME and isinstance(value, dict):
            return {name: self.inlined(each, inside) for name, each in value.items()}
        return self.inlined(value, inside)

    def _found(self, reference: Any) -> Mapping[str, Any]:
        """What it points to within this document (RFC 6901)."""
        if not isinstance(reference, str) or not reference.startswith("#"):
            raise Unusable("refers to a schema somewhere else")
        found: Any = self._document
        for step in filter(None, unquote(reference[1:]).split("/")):
            name = step.replace("~1", "/").replace("~0", "~")
            if isinstance(found, list) and name.isdecimal() and int(name[:6]) < len(found):
                found = found[int(name[:6])]
            elif isinstance(found, dict) and name in found:
                found = found[name]
            else:
                raise Unusable("refers to a schema that is missing")
        if not isinstance(found, dict):
            raise Unusable("refers to something that is no schema")
        return found
