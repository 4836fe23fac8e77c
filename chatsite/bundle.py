"""Bundles the modules that a page needs at startup into one file, instead of a hundred small requests.

Preloads and hashed names alone are not enough: as separate files, compressed and without comments, the same modules
are 81 KB in 120 requests, the bundle is 58 KB in one, and a conversation is usable after 1,835 ms instead of 1,019
(bench.first_load: 4x CPU slowdown, over loopback; the limits are 60 KB and 1,500 ms). Small files compress worse, and
each costs the browser a request.

Only `collectstatic` bundles: in development, modules are tested and served as written. Each module becomes a function
that runs where the module would run and returns its exports, so nothing in it is renamed or moved. Only the forms of
`import` and `export` used in this project are supported; others raise CannotBundle.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Mapping
from typing import Final

from rjsmin import jsmin

IMPORT: Final = re.compile(r'^import (\{[^}]*\}|\w+) from "(\.{1,2}/[^"]+)";$', re.MULTILINE)
EXPORT: Final = re.compile(r"^export (?=(?:const|class|(?:async )?function\*?) (\w+))", re.MULTILINE)
REEXPORT: Final = re.compile(r'^export (\{\s*\w+(?:,\s*\w+)*,?\s*\}) from "(\.{1,2}/[^"]+)";$', re.MULTILINE)
OTHER: Final = re.compile(r"^(?:import\b(?!\()|export\b|await\b).*|\bimport\.meta\b", re.MULTILINE)
LAZY: Final = re.compile(r"""(\bimport\(\s*["'`])(\.{1,2}/[^"'`$]+)""")

ALL: Final = "$all"


class CannotBundle(ValueError):
    """A module has an unsupported form, or there is an import cycle."""


class Bundle:
    """The bundle of the module `entry`. `sources`: texts by names like `js/chat.js`. Other imports stay imports."""

    def __init__(self, sources: Mapping[str, str], entry: str) -> None:
        self._sources = sources
        self._entry = entry
        self._members: dict[str, str] = {}
        self._outside: dict[str, str] = {}
        self._texts: list[str] = []
        self._add(entry, ())
        self._asked_for = {name for name in self._members if name != entry and name in set(self._wanted_later())}

    @property
    def head(self) -> str:
        """The remaining imports, one per line, for the top of the file."""
        return "".join(
            f'import * as {name} from "{relative(address, self._entry)}";\n' for address, name in self._outside.items()
        )

    @property
    def body(self) -> str:
        shared = ", ".join(f'"{name}": {self._members[name]}' for name in sorted(self._asked_for))
        return "".join(self._texts) + f"export const {ALL} = {{{shared}}};\n"

    def served(self, name: str) -> str | None:
        """The replacement for a bundled module that others import: it exports the same objects. None: unchanged."""
        if name not in self._asked_for:
            return None
        names = ", ".join(exports(self._sources[name]))
        back = relative(self._entry, name)
        return f'import {{ {ALL} }} from "{back}";\nexport const {{ {names} }} = {ALL}["{name}"];\n'

    def _add(self, name: str, path: tuple[str, ...]) -> str:
        """Add the module and its imports to the bundle, if missing. Returns its name there."""
        if name in path:
            raise CannotBundle(f"{name} imports itself: {' → '.join(path)}")
        if name not in self._members:
            text = self._sources[name]
            exported = ", ".join(exports(text))
            for form in (IMPORT, REEXPORT):
                text = form.sub(lambda found: self._declare(found, name, (*path, name)), text)
            text = LAZY.sub(
                lambda found: found[1] + relative(resolve(found[2], name), self._entry), EXPORT.sub("", text)
            )
            if other := OTHER.search(text):
                raise CannotBundle(f"{name}: {other.group()}")
            self._members[name] = f"$m{len(self._members)}"
            self._texts.append(f"const {self._members[name]} = (() => {{\n{text}\nreturn {{ {exported} }};\n}})();\n")
        return self._members[name]

    def _declare(self, found: re.Match[str], name: str, path: tuple[str, ...]) -> str:
        what, address = found[1], resolve(found[2], name)
        if address in self._sources:
            source = self._add(address, path)
        else:
            source = self._outside.setdefault(address, f"$v{len(self._outside)}")
        return (
            f"const {what.replace(' as ', ': ')} = {source};"
            if what[0] == "{"
            else f"const {what} = {source}.default;"
        )

    def _wanted_later(self) -> Iterator[str]:
        """Modules that are imported dynamically, or by modules outside the bundle."""
        for name, source in self._sources.items():
            # Without comments, where JSDoc types have the same form.
            found = [address for _, address in LAZY.findall(jsmin(source))]
            if name not in self._members:
                found += [address for form in (IMPORT, REEXPORT) for _, address in form.findall(source)]
            yield from (resolve(address, name) for address in found)


def exports(source: str) -> list[str]:
    """The names that a module exports, including re-exports."""
    passed_on = (name for names, _ in REEXPORT.findall(source) for name in names.strip("{ },\n").split(","))
    return [*EXPORT.findall(source), *(name.strip() for name in passed_on)]


def resolve(address: str, importer: str) -> str:
    """The module name that a relative URL in a module refers to. A prefix that ends in a slash keeps it."""
    name = posixpath.normpath(posixpath.join(posixpath.dirname(importer), address))
    return f"{name}/" if address.endswith("/") else name


def relative(name: str, importer: str) -> str:
    path = posixpath.relpath(name, posixpath.dirname(importer)) + ("/" if name.endswith("/") else "")
    return path if path.startswith(".") else f"./{path}"
