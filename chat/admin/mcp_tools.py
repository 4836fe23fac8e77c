"""The tools of an MCP server, as an administrator sees and accepts them."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Final

from django.utils.translation import gettext, gettext_noop

from chat.generation.mcp_servers import definitions_of
from chat.models import McpServer

# As chat/tools/mcp says what is wrong: of a server, and of a tool.
PROBLEMS: Final = (
    gettext_noop("it could not be reached"),
    gettext_noop("it does not respond in time"),
    gettext_noop("it does not list its tools in time"),
    gettext_noop("the connection to it was lost"),
    gettext_noop("it rejects the headers of this site"),
    gettext_noop("it responds with an error"),
    gettext_noop("it redirects to another address"),
    gettext_noop("it redirects: add or remove the slash at the end"),
    gettext_noop("it does not speak MCP as it should"),
    gettext_noop("it makes the site connect again and again"),
    gettext_noop("its address may not be reached"),
    gettext_noop("its response is larger than 4 MiB"),
    gettext_noop("its headers cannot be decrypted"),
    gettext_noop("has a name that cannot be used"),
    gettext_noop("is listed twice"),
    gettext_noop("has no parameters that are a JSON schema"),
    gettext_noop("has parameters that are no JSON schema"),
    gettext_noop("has parameters that are no plain JSON object"),
    gettext_noop("has parameters that are nested too deeply"),
    gettext_noop("has parameters that are too large"),
    gettext_noop("has a parameter that contains itself"),
    gettext_noop("refers to a schema somewhere else"),
    gettext_noop("refers to a schema that is missing"),
    gettext_noop("refers to something that is no schema"),
)


@dataclass(frozen=True, slots=True)
class Row:
    """`digest`: the hash of its definition; empty if the tool cannot be used. `parameters`: JSON in ASCII, so that
    nothing in it is invisible."""

    name: str
    title: str
    description: str
    parameters: str
    digest: str
    problem: str
    is_accepted: bool
    has_changed: bool
    is_harmless: bool


def rows_of(server: McpServer) -> list[Row]:
    return list(_rows(server))


def _rows(server: McpServer) -> Iterator[Row]:
    for each in definitions_of(server):
        digest = each.hash_at(server.slug)
        pinned = server.pinned.get(each.name)
        yield Row(
            each.name,
            each.title,
            each.description,
            json.dumps(each.parameters, indent=2, sort_keys=True),
            digest,
            in_words(each.problem),
            is_accepted=bool(digest) and pinned == digest,
            has_changed=bool(digest) and pinned not in {None, digest},
            is_harmless=each.name in server.harmless,
        )


def accept(server: McpServer, digests: Collection[str], harmless: Collection[str]) -> list[str]:
    """Accept the definitions with these hashes, and no others of those that are listed.

    Returns the names of tools that were accepted, or turned off, by this.
    """
    rows = [row for row in _rows(server) if row.digest]
    listed = {row.name for row in rows}
    pinned = {name: digest for name, digest in server.pinned.items() if name not in listed}
    pinned |= {row.name: row.digest for row in rows if row.digest in digests}
    changed = [row.name for row in rows if row.is_accepted != (row.digest in digests)]
    server.accept(pinned, [name for name in harmless if name in listed])
    return changed


def in_words(problem: str) -> str:
    """A clause of chat/tools/mcp in the reader's language."""
    clause, separator, status = problem.partition(" (status ")
    return f"{gettext(clause)}{separator}{status}" if clause else ""
