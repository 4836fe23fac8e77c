"""The parameters of a function as a JSON schema, and arguments checked against them."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Final, get_args, get_origin, get_type_hints

import msgspec

from chat.tools.base import Arguments, Context, ToolFailed
from chat.tools.docstrings import Docstring

# Of a sentence about wrong arguments: it may quote them.
SENTENCE: Final = 600

# In msgspec's messages: "Expected `int`, got `str` - at `$.count`".
_PLACE: Final = re.compile(r"at `\$\.(\w+)")
_BY_NAME: Final = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)


class Unusable(ValueError):
    """There is no schema for this function. The message is a clause that completes "The tool x …"."""


@dataclass(frozen=True, slots=True)
class Parameters:
    """`schema`: an object at its root, no `$ref`. `context`: the name of the parameter for the Context; or empty."""

    kind: type[msgspec.Struct]
    schema: Mapping[str, Any]
    context: str = ""

    def read(self, given: Mapping[str, Any]) -> Arguments:
        """Check the arguments. Raises ToolFailed invalid_arguments.

        Numbers, booleans and null may be written as strings, as small models do; nothing else is converted.
        """
        try:
            values = msgspec.convert(given, self.kind)
        except msgspec.ValidationError as error:
            try:
                values = msgspec.convert(given, self.kind, strict=False)
            except msgspec.ValidationError:
                raise ToolFailed("invalid_arguments", self._sentence(str(error))) from None
        return Arguments(given, {name: getattr(values, name) for name in self.kind.__struct_fields__})

    def _sentence(self, mistake: str) -> str:
        """The mistake, and what the parameter that it is about must be."""
        place = _PLACE.search(mistake)
        schema = self.schema["properties"].get(place[1]) if place else None
        hint = self._names()
        if place and schema:
            hint = f"`{place[1]}` must match {msgspec.json.encode(schema).decode()}."
        return f"The arguments do not match the tool's parameters: {mistake}. {hint}"[:SENTENCE]

    def _names(self) -> str:
        names = ", ".join(f"`{name}`" for name in self.schema["properties"])
        return f"The parameters are: {names}." if names else "The tool has no parameters."


def parameters_of(function: Callable[..., Any], docstring: Docstring) -> Parameters:
    """Raises Unusable."""
    try:
        hints = get_type_hints(function, include_extras=True)
    except Exception as error:
        raise Unusable(f"has an annotation that cannot be read ({error})") from error
    fields: list[Any] = []
    context = ""
    for name, parameter in inspect.signature(function).parameters.items():
        if parameter.kind not in _BY_NAME:
            raise Unusable(f"has a parameter that cannot be given by name ({name})")
        if name not in hints:
            raise Unusable(f"has a parameter without a type ({name})")
        if hints[name] is Context:
            context = name
            continue
        kind = _described(hints[name], docstring.parameters.get(name, ""))
        fields.append((name, kind) if parameter.default is parameter.empty else (name, kind, parameter.default))
    return _parameters(fields, context)


def _parameters(fields: list[Any], context: str) -> Parameters:
    try:
        kind = msgspec.defstruct("Arguments", fields, kw_only=True, forbid_unknown_fields=True)
        schema = msgspec.json.schema(kind)
    except (TypeError, ValueError, RecursionError) as error:
        raise Unusable(f"has parameters that a JSON schema cannot describe ({error})") from error
    root = _inlined({"$ref": schema["$ref"]}, schema["$defs"], ())
    return Parameters(kind, {"type": "object", "properties": {}, **root}, context)


def _described(kind: Any, from_docstring: str) -> Any:
    """A type whose description msgspec puts into the schema: `Annotated[str, "…"]`, else the docstring's."""
    if get_origin(kind) is not Annotated:
        return Annotated[kind, msgspec.Meta(description=from_docstring)] if from_docstring else kind
    bare, *notes = get_args(kind)
    metas = [note for note in notes if isinstance(note, msgspec.Meta)]
    text = next((note for note in notes if isinstance(note, str)), from_docstring)
    if text and not any(meta.description for meta in metas):
        metas.append(msgspec.Meta(description=text))
    for meta in metas:
        bare = Annotated[bare, meta]
    return bare


def _inlined(schema: Any, definitions: Mapping[str, Any], inside: tuple[str, ...]) -> Any:
    """Without `$ref`, which several providers refuse, and without the names of Python's classes."""
    if isinstance(schema, list):
        return [_inlined(each, definitions, inside) for each in schema]
    if not isinstance(schema, dict):
        return schema
    if isinstance(reference := schema.get("$ref"), str):
        name = reference.rpartition("/")[2]
        if name in inside:
            raise Unusable(f"has a parameter type that contains itself ({name})")
        others = {key: value for key, value in schema.items() if key != "$ref"}
        return _inlined({**definitions[name], **others}, definitions, (*inside, name))
    # A title is the name of a Python class; the mapping of a discriminator consists of references.
    kept = {key: value for key, value in schema.items() if key not in {"title", "discriminator"}}
    return {key: _value(key, value, definitions, inside) for key, value in kept.items()}


def _value(key: str, value: Any, definitions: Mapping[str, Any], inside: tuple[str, ...]) -> Any:
    if key in {"default", "enum", "const", "examples"}:
        return value  # data, not schemas
    if key == "properties":
        # A property may have any name, such as `title`.
        return {name: _inlined(each, definitions, inside) for name, each in value.items()}
    return _inlined(value, definitions, inside)
