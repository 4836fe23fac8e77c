"""What a server says of its tools, reduced to what a model may be told, and the tools that come of it."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from typing import Any, Final, cast

import msgspec

from chat.protocol.untrusted_input import clean
from chat.tools.base import Arguments, Tool, ToolFailed
from chat.tools.definitions import DESCRIPTION, TITLE, Start
from chat.tools.mcp.schema import Unusable, usable
from chat.tools.mcp.server import Server

TOOLS: Final = 200
# Of one definition, in the database and in each request to a model.
DEFINITION_BYTES: Final = 32 * 1024
# Of all of a server, in the database.
LISTING_BYTES: Final = 1024 * 1024

_TOO_LARGE: Final = "has parameters that are too large"
_NAME: Final = re.compile(r"[A-Za-z0-9_./-]{1,128}")
# Not shown, so nobody could look at them: format characters, private and unassigned ones, surrogates, controls.
_HIDDEN: Final = frozenset({"Cf", "Co", "Cn", "Cs", "Cc"})


@dataclass(frozen=True, slots=True)
class Definition:
    """`problem`: why it cannot be used; empty if it can."""

    name: str
    title: str = ""
    description: str = ""
    parameters: Mapping[str, Any] = field(default_factory=dict)
    problem: str = ""

    @classmethod
    def of(cls, name: Any, title: Any, description: Any, schema: Any) -> Definition:
        """Whatever a server sends. Raises nothing."""
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            return cls(visible(str(name))[:80], problem="has a name that cannot be used")
        shown = " ".join(visible(_text(title)).split())[:TITLE]
        shown = shown or re.sub(r"[_./-]+", " ", name).strip().capitalize()[:TITLE] or name[:TITLE]
        told = visible(_text(description)).strip()
        if len(told) > DESCRIPTION:
            told = told[: DESCRIPTION - 1] + "…"
        try:
            parameters = usable(schema)
        except (Unusable, RecursionError) as error:
            why = str(error) if isinstance(error, Unusable) else "has parameters that are nested too deeply"
            return cls(name, shown, told, problem=why)
        if len(msgspec.json.encode(parameters)) > DEFINITION_BYTES:
            return cls(name, shown, told, problem=_TOO_LARGE)
        return cls(name, shown, told or shown, parameters)

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Definition:
        """Raises msgspec.ValidationError."""
        return msgspec.convert(value, cls)

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    def tool(self, server: Server, start: Start) -> Tool:
        """With side effects: a server's word that it has none proves nothing."""
        return Tool(
            key=f"mcp:{server.slug}/{self.name}",
            title=self.title,
            description=self.description,
            parameters=self.parameters,
            read=partial(_read, self.parameters),
            start=start,
            side_effects=True,
            timeout=server.timeout,
        )

    def hash_at(self, slug: str) -> str:
        """The definition hash of its tool on this server; empty if it cannot be used."""
        return "" if self.problem else self.tool(Server(slug, "", ""), cast(Start, None)).definition_hash


def unique(definitions: Iterable[Definition]) -> list[Definition]:
    """At most TOOLS, in the order of their names. Of those with the same name, none can be used.

    Nor can those that do not fit into LISTING_BYTES.
    """
    by_name: dict[str, Definition] = {}
    for each in definitions:
        twice = each.name in by_name
        by_name[each.name] = replace(each, parameters={}, problem="is listed twice") if twice else each
    found, room = [], LISTING_BYTES
    for name in sorted(by_name)[:TOOLS]:
        each = by_name[name]
        room -= len(msgspec.json.encode(each.parameters))
        found.append(each if room >= 0 else replace(each, parameters={}, problem=each.problem or _TOO_LARGE))
    return found


def accepted(definitions: Iterable[Definition], slug: str, pinned: Mapping[str, str]) -> list[Definition]:
    """Those that are as an administrator has accepted them."""
    return [each for each in definitions if each.name in pinned and pinned[each.name] == each.hash_at(slug) != ""]


def tools_of(
    server: Server, definitions: Iterable[Definition], starts: Mapping[str, Start], harmless: Collection[str]
) -> Iterator[Tool]:
    """`starts`: how each is called, by name. `harmless`: what an administrator marked as without side effects."""
    for each in definitions:
        yield replace(each.tool(server, starts[each.name]), side_effects=each.name not in harmless)


def visible(text: str) -> str:
    """Without characters that a model reads and a person does not see."""
    return "".join(each for each in clean(text) if each in "\n\t" or unicodedata.category(each) not in _HIDDEN)


def _text(value: Any) -> str:
    return value[:100_000] if isinstance(value, str) else ""


def _read(parameters: Mapping[str, Any], given: Mapping[str, Any]) -> Arguments:
    """Only whether they are there: the server judges them, and its schema may hold patterns that take forever."""
    missing = [name for name in parameters.get("required", ()) if name not in given]
    if missing:
        names = ", ".join(f"`{name}`" for name in missing)
        raise ToolFailed("invalid_arguments", f"The arguments lack {names}. Call the tool again with all of them.")
    return Arguments(given, given)
