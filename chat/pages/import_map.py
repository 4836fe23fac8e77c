"""The page's ES modules under their hashed names: import map, preloads, and the map's hash for the CSP.

The sources import each other by plain relative URLs. A browser resolves such a URL first and then looks it up in the
map, so the same sources run with hashed names (after `collectstatic`) and without (then there is no map). The map has
no module that is in the bundle of another (chatsite.module_graph): nothing asks for it.
"""

from __future__ import annotations

import base64
import hashlib
import json
import posixpath
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from django.contrib.staticfiles.storage import ManifestStaticFilesStorage
from django.core.files.storage import Storage, storages
from django.http import HttpResponse

ENTRY: Final = "js/chat.js"
FOLDERS: Final = ("js/", "vendor/")
# Static imports only: `import("./x.js")` loads on demand. An import that this misses still loads, one round trip
# later.
STATIC_IMPORT = re.compile(r"""^(?:import|export)\b[^;"']*["'](\.{1,2}/[^"']+)["']""", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Modules:
    """`import_map` is the element's text, empty without hashed names. `preloads` are URLs, nearest imports first."""

    import_map: str
    preloads: tuple[str, ...]

    @property
    def csp_source(self) -> str:
        digest = hashlib.sha256(self.import_map.encode()).digest()
        return f"'sha256-{base64.b64encode(digest).decode()}'"


def modules() -> Modules:
    """The modules of the chat page, computed once per process."""
    return _modules(storages["staticfiles"])


def allow_import_map(response: HttpResponse) -> None:
    """Allow this page's inline import map in its Content-Security-Policy: by hash, so nothing else is allowed."""
    if modules().import_map:
        response._csp_update = {"script-src": [modules().csp_source]}  # type: ignore[attr-defined]


@lru_cache(maxsize=1)
def _modules(storage: Storage) -> Modules:
    if not isinstance(storage, ManifestStaticFilesStorage) or not storage.hashed_files:
        return Modules("", ())
    names = sorted(name for name in storage.hashed_files if name.startswith(FOLDERS) and name.endswith(".js"))
    imports = {f"{storage.base_url}{name}": storage.url(name) for name in names}
    # Escape "<", so that it cannot end the element early. In JSON it means the same.
    import_map = json.dumps({"imports": imports}, separators=(",", ":")).replace("<", "\\u003c")
    return Modules(import_map, tuple(storage.url(name) for name in _graph(storage, ENTRY)))


def _graph(storage: ManifestStaticFilesStorage, entry: str) -> Iterator[str]:
    """The entry and its static imports, direct and indirect, breadth first, without duplicates."""
    found = [entry]
    for name in found:
        if not storage.exists(name):
            continue
        yield name
        # The served file: there, the page's modules may be bundled in one.
        with storage.open(storage.stored_name(name)) as file:
            source = file.read().decode()
        for address in STATIC_IMPORT.findall(source):
            imported = posixpath.normpath(posixpath.join(posixpath.dirname(name), address))
            if imported not in found:
                found.append(imported)
