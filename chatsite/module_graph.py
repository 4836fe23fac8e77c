"""Which module of a page belongs into which bundle: the first one, or that of a door.

A door is a module that `import("./door.js")` asks for. What the page's module imports is in the first bundle, and what
a door imports in the door's, unless it is there already: no module is in two bundles, so none can run twice. A module
that several doors need, of which none needs the others, is a bundle of its own.

Modules to which no import leads stay files: scripts of other pages, workers.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Mapping
from typing import Final

from rjsmin import jsmin

IMPORT: Final = re.compile(r'^import (\{[^}]*\}|\w+) from "(\.{1,2}/[^"]+)";$', re.MULTILINE)
REEXPORT: Final = re.compile(r'^export (\{\s*\w+(?:,\s*\w+)*,?\s*\}) from "(\.{1,2}/[^"]+)";$', re.MULTILINE)
LATE: Final = re.compile(r"""((?<![.#$\w])import\(\s*)(?:["'](\.{1,2}/[^"']+)["'](?=\s*\)))?""")


class CannotBundle(ValueError):
    """A module has an unsupported form, or is imported in a way that no bundle can have."""


class ModuleGraph:
    """`homes`: the bundle of each module that the page may run, by name, imports first. A bundle has its root's name.

    `doors` are our own modules that `import()` asks for.
    """

    def __init__(self, sources: Mapping[str, str], entry: str) -> None:
        self.entry = entry
        self._sources = sources
        self._imports: dict[str, list[str]] = {}
        late = [entry]
        for root in late:
            self._visit(root, (), late)
        self.doors = frozenset(late[1:])
        self._loaded = {root: self._closure(root) for root in late}
        self._refuse_doors_of_the_first()
        found = self._settled()
        self.homes = {name: found[name] for name in self._imports}

    def imports(self, name: str) -> list[str]:
        """Our own modules that run before this one."""
        return self._imports[name]

    def _visit(self, name: str, path: tuple[str, ...], late: list[str]) -> None:
        if name in path:
            raise CannotBundle(f"{name} imports itself: {' → '.join(path)}")
        if name in self._imports:
            return
        source = self._sources[name]
        found = [each for each in imported(source, name) if each in self._sources]
        for each in found:
            self._visit(each, (*path, name), late)
        self._imports[name] = found
        for each in imported_late(source, name):
            if each in self._sources and each not in late:
                late.append(each)

    def _closure(self, root: str) -> set[str]:
        found = [root]
        for name in found:
            found += [each for each in self._imports[name] if each not in found]
        return set(found)

    def _refuse_doors_of_the_first(self) -> None:
        if both := self._loaded[self.entry] & self.doors:
            raise CannotBundle(f"imported late, but the page has it from the beginning: {', '.join(sorted(both))}")

    def _settled(self) -> dict[str, str]:
        homes: dict[str, str] = {}
        importers: dict[str, set[str]] = {name: set() for name in self._imports}
        for name in reversed(self._imports):  # Those that import it are settled before it is.
            homes[name] = name if name in self._loaded else self._shared_home(name, importers[name])
            for each in self._imports[name]:
                importers[each].add(homes[name])
        return homes

    def _shared_home(self, name: str, wanted_by: set[str]) -> str:
        """The bundle among those that want it that is there whenever any of them is."""
        for home in wanted_by:
            if all(home in self._loaded[each] or home == self.entry for each in wanted_by):
                return home
        self._loaded[name] = self._closure(name)
        return name


def imported(source: str, name: str) -> list[str]:
    return [resolve(address, name) for form in (IMPORT, REEXPORT) for _, address in form.findall(source)]


def imported_late(source: str, name: str) -> Iterator[str]:
    """What `import()` asks for. Its address has to be written there, because bundles are made before it runs."""
    # Without comments, where JSDoc types have the same form.
    for found in LATE.finditer(jsmin(source)):
        if not found[2]:
            raise CannotBundle(f"{name}: import() of an address that only the browser knows")
        yield resolve(found[2], name)


def resolve(address: str, importer: str) -> str:
    """The module name that a relative URL in a module refers to."""
    return posixpath.normpath(posixpath.join(posixpath.dirname(importer), address))


def relative(name: str, importer: str) -> str:
    path = posixpath.relpath(name, posixpath.dirname(importer))
    return path if path.startswith(".") else f"./{path}"
