"""What is wrong with the scripts that are served: over a budget, or outside of all budgets."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from chat.pages.import_map import ENTRY, STATIC_IMPORT
from chatsite.lean_scripts import OURS
from chatsite.module_graph import resolve

# In bytes, compressed. What is there before the page can be used: our own, and with the vendored parser.
FIRST_OWN: Final = 60_000
FIRST_ALL: Final = 110_000
# All of our own that opening a door may bring: its bundle, and those that this one imports.
DOOR: Final = 15_000
# A vendored script that comes later, by itself.
VENDORED: Final = 15_000
# Larger ones, by their names without the version.
LARGE: Final = {
    # All of TeX's mathematics. It comes with the first formula, and cannot be split.
    "vendor/temml/temml.js": 55_000,
}
# Late bundles that are no doors, because several doors need them. Each is one more request before these can open.
SHARED: Final = {
    # For the palette and the assistant's menu. The first bundle has no room for it.
    "js/ui/listbox.js",
}
# Files of ours to which no import leads.
ALONE: Final = {
    "js/account.js": "the script of the account pages",
    "js/client/transport.js": "types only",
    "js/early_enter.js": "runs before the first bundle is there",
    "js/markdown/highlight_worker.js": "a worker",
}

LATE_IMPORT: Final = re.compile(r"""(?<![.#$\w])import\(\s*["']([^"']+)["']""")
VERSION: Final = re.compile(r"-\d[\d.]*(?=/)")


@dataclass(frozen=True)
class Served:
    """Scripts by their names in the sources: texts as they are served, and compressed sizes. Others are not served."""

    texts: dict[str, str]
    sizes: dict[str, int]

    def at_once(self, name: str) -> list[str]:
        """The script, and what it imports before it runs."""
        found = [name]
        for each in found:
            addresses = (resolve(address, each) for address in STATIC_IMPORT.findall(self.texts[each]))
            found += [address for address in dict.fromkeys(addresses) if address not in found]
        return found

    def doors(self) -> list[str]:
        """What `import()` asks for, on whatever way from the page's script."""
        found: list[str] = []
        seen = self.at_once(ENTRY)
        for each in seen:
            for address in LATE_IMPORT.findall(self.texts[each]):
                if (door := resolve(address, each)) not in found:
                    found.append(door)
                    seen += [name for name in self.at_once(door) if name not in seen]
        return found


def breaches(served: Served) -> list[str]:
    try:
        first, doors = served.at_once(ENTRY), served.doors()
    except KeyError as missing:
        return [f"{missing.args[0]} is asked for, but not served"]
    late = {name for door in doors for name in served.at_once(door)} - set(first)
    return [
        *_first(served, first),
        *_doors(served, first, doors),
        *_others(served, {*first, *late}, {*late} - {*doors}),
    ]


def _first(served: Served, first: list[str]) -> Iterator[str]:
    sizes = {name: served.sizes[name] for name in first}
    own = sum(size for name, size in sizes.items() if name.startswith(OURS))
    if own > FIRST_OWN:
        yield f"the first bundle: {own} of {FIRST_OWN} bytes"
    if sum(sizes.values()) > FIRST_ALL:
        yield f"all that is there at first: {sum(sizes.values())} of {FIRST_ALL} bytes"


def _doors(served: Served, first: list[str], doors: list[str]) -> Iterator[str]:
    for door in doors:
        brought = [name for name in served.at_once(door) if name not in first and name.startswith(OURS)]
        if (size := sum(served.sizes[name] for name in brought)) > DOOR:
            yield f"{door}: {size} of {DOOR} bytes, in {len(brought)} files"


def _others(served: Served, reached: set[str], between: set[str]) -> Iterator[str]:
    for name, size in served.sizes.items():
        if not name.startswith(OURS):
            most = LARGE.get(VERSION.sub("", name), VENDORED)
            if size > most and name not in served.at_once(ENTRY):
                yield f"{name}: {size} of {most} bytes"
        elif name in between and name not in SHARED:
            yield f"{name} comes late, but is no door: two doors import it"
        elif name not in reached and name not in ALONE:
            yield f"{name}: no import leads to it"
