"""One file of all the modules that a page needs at once. A hundred small ones take a hundred requests.

Preloads and hashed names alone do not do: the same modules as files of their own, compressed and without their
comments, are 81 KB in 120 requests where this is 58 KB in one, and a conversation can be used after 1,835 ms instead
of 1,019 (bench.first_load: a processor four times slower, over loopback; the limits are 60 KB and 1,500 ms). Small
files compress worse, and each costs the browser a request.

Only for what `collectstatic` makes: the modules are written, tested and served in development as they are. Each
becomes a function that runs where the module would run and returns what it exports, so nothing in it is renamed or
moved. It knows the forms of `import` and `export` that are used here, and refuses all others.
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
    """A module has a form that is not known here, or imports itself by a circle."""


class Bundle:
    """Of the module named `entry`, among `sources`: texts by names like `js/chat.js`. Other imports stay imports."""

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
        """The imports, one a line. They come first in the file."""
        return "".join(
            f'import * as {name} from "{relative(address, self._entry)}";\n' for address, name in self._outside.items()
        )

    @property
    def body(self) -> str:
        shared = ", ".join(f'"{name}": {self._members[name]}' for name in sorted(self._asked_for))
        return "".join(self._texts) + f"export const {ALL} = {{{shared}}};\n"

    def served(self, name: str) -> str | None:
        """What stands in for a member that another module imports: the same objects. None: the file as it is."""
        if name not in self._asked_for:
            return None
        names = ", ".join(exports(self._sources[name]))
        back = relative(self._entry, name)
        return f'import {{ {ALL} }} from "{back}";\nexport const {{ {names} }} = {ALL}["{name}"];\n'

    def _add(self, name: str, path: tuple[str, ...]) -> str:
        """What the module is called in the bundle; it and all that it imports are in there."""
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
        """What modules import that are no members, and what is imported when it is needed."""
        for name, source in self._sources.items():
            # Without the comments: types are named in the same form there.
            found = [address for _, address in LAZY.findall(jsmin(source))]
            if name not in self._members:
                found += [address for form in (IMPORT, REEXPORT) for _, address in form.findall(source)]
            yield from (resolve(address, name) for address in found)


def exports(source: str) -> list[str]:
    """The names that a module exports, its own and those that it passes on."""
    passed_on = (name for names, _ in REEXPORT.findall(source) for name in names.strip("{ },\n").split(","))
    return [*EXPORT.findall(source), *(name.strip() for name in passed_on)]


def resolve(address: str, importer: str) -> str:
    """The name that an address in a module leads to. One that ends in the middle of a name, at a slash, still does."""
    name = posixpath.normpath(posixpath.join(posixpath.dirname(importer), address))
    return f"{name}/" if address.endswith("/") else name


def relative(name: str, importer: str) -> str:
    path = posixpath.relpath(name, posixpath.dirname(importer)) + ("/" if name.endswith("/") else "")
    return path if path.startswith(".") else f"./{path}"
