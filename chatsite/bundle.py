"""Bundles the page's modules into a few files, instead of two hundred small requests.

What the page needs at startup is one file, and so is what each door brings later (chatsite.module_graph). Preloads and
hashed names alone are not enough: as separate files, compressed and without comments, the modules of the first bundle
are 81 KB in 120 requests, the bundle is 58 KB in one, and a conversation is usable after 1,835 ms instead of 1,019
(bench.first_load: 4x CPU slowdown, over loopback; the limits are 60,000 bytes and 1,500 ms). Small files compress
worse, and each costs the browser a request: all that an active visitor's page loads by itself, and the first streamed
answer with it, was 70 files of 39 KB, and is 22 bundles of 34 KB. tests/script_budgets.py has the budgets.

Only `collectstatic` bundles: in development, modules are tested and served as written. Each module becomes a function
that runs where the module would run and returns its exports, so nothing in it is renamed or moved. What a module of
another bundle exports is taken from that bundle's `$all`, so it is the same object for all. Only the forms of `import`
and `export` used in this project are supported; others raise CannotBundle.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Mapping
from typing import Final

from rjsmin import jsmin

from chatsite.module_graph import IMPORT, LATE, REEXPORT, CannotBundle, ModuleGraph, relative, resolve

EXPORT: Final = re.compile(r"^export (?=(?:const|class|(?:async )?function\*?) (\w+))", re.MULTILINE)
OTHER: Final = re.compile(r"^(?:import\b(?![(.])|export\b|await\b).*", re.MULTILINE)
META: Final = re.compile(r"\bimport\.meta\b")

ALL: Final = "$all"


def bundles(sources: Mapping[str, str], entry: str) -> dict[str, Bundle]:
    """All bundles of the page whose module is `entry`, by names. `sources`: texts by names like `js/chat.js`."""
    graph = ModuleGraph(sources, entry)
    return {root: Bundle(sources, graph, root) for root in dict.fromkeys(graph.homes.values())}


class Bundle:
    """The text of one bundle. It has the name of its root, and exports what the root exports."""

    def __init__(self, sources: Mapping[str, str], graph: ModuleGraph, root: str) -> None:
        self._sources = sources
        self._graph = graph
        self._root = root
        self._outside: dict[str, str] = {}
        # Imports come first in `homes`.
        self.members = {
            name: f"$m{number}"
            for number, name in enumerate(each for each, home in graph.homes.items() if home == root)
        }
        self._texts = [self._function(name) for name in self.members]

    @property
    def head(self) -> str:
        """Imports of vendored modules and of other bundles, one per line, for the top of the file."""
        return "".join(
            f'import * as {name} from "{relative(address, self._root)}";\n' for address, name in self._outside.items()
        )

    @property
    def body(self) -> str:
        return "".join([*self._texts, self._exports(), self._all()])

    def _exports(self) -> str:
        """Under other names in here: a module may use a global of the same name."""
        names = exports(self._sources[self._root])
        if not names:
            return ""
        taken = ", ".join(f"{name}: $e{number}" for number, name in enumerate(names))
        given = ", ".join(f"$e{number} as {name}" for number, name in enumerate(names))
        return f"const {{ {taken} }} = {self.members[self._root]};\nexport {{ {given} }};\n"

    def _all(self) -> str:
        """What modules of other bundles import from here."""
        homes = self._graph.homes
        wanted = {each for name, home in homes.items() if home != self._root for each in self._graph.imports(name)}
        shared = ", ".join(f'"{name}": {own}' for name, own in sorted(self.members.items()) if name in wanted)
        return f"export const {ALL} = {{{shared}}};\n" if shared else ""

    def _function(self, name: str) -> str:
        text = self._sources[name]
        exported = ", ".join(exports(text))
        for form in (IMPORT, REEXPORT):
            text = form.sub(lambda found: self._declare(found, name), text)
        text = EXPORT.sub("", text)
        if other := OTHER.search(text):
            raise CannotBundle(f"{name}: {other.group()}")
        if posixpath.dirname(name) != posixpath.dirname(self._root) and META.search(jsmin(text)):
            raise CannotBundle(f"{name}: import.meta, which means another folder in {self._root}")
        text = LATE.sub(lambda found: self._moved(found, name), text)
        return f"const {self.members[name]} = (() => {{\n{text}\nreturn {{ {exported} }};\n}})();\n"

    def _declare(self, found: re.Match[str], name: str) -> str:
        what, source = found[1], self._place(resolve(found[2], name))
        return (
            f"const {what.replace(' as ', ': ')} = {source};"
            if what[0] == "{"
            else f"const {what} = {source}.default;"
        )

    def _place(self, name: str) -> str:
        """Where the exports of a module are found in this bundle."""
        if name in self.members:
            return self.members[name]
        home = self._graph.homes.get(name, name)
        source = self._outside.setdefault(home, f"$v{len(self._outside)}")
        return f'{source}.{ALL}["{name}"]' if name in self._graph.homes else source

    def _moved(self, found: re.Match[str], name: str) -> str:
        """An `import()` as it is written in the bundle's place. One without an address is in a comment."""
        return f'{found[1]}"{relative(resolve(found[2], name), self._root)}"' if found[2] else found[0]


def exports(source: str) -> list[str]:
    """The names that a module exports, including re-exports."""
    passed_on = (name for names, _ in REEXPORT.findall(source) for name in names.strip("{ },\n").split(","))
    return [*EXPORT.findall(source), *(name.strip() for name in passed_on if name.strip())]
