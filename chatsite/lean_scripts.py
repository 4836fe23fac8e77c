"""Bundles and minifies our own scripts in `collectstatic`."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import zopfli.gzip
from django.core.files.base import ContentFile
from rjsmin import jsmin
from servestatic.compress import Compressor
from servestatic.storage import CompressedManifestStaticFilesStorage

from chatsite.bundle import bundles

# Vendored scripts are served unchanged: their hashes are on record.
OURS: Final = "js/"
ENTRY: Final = "js/chat.js"


class LeanScriptsStorage(CompressedManifestStaticFilesStorage):  # type: ignore[misc]
    """Writes served scripts under hashed names, for the import map. The sources keep their names beside them.

    Only files that can be asked for have a hashed name: a module that was bundled cannot be loaded a second time.
    """

    def create_compressor(self, **options: Any) -> Compressor:
        return SmallScripts(**options)

    def post_process(self, paths: dict[str, tuple[Any, str]], *args: Any, **options: Any) -> Iterator[Any]:
        sources = {
            name: read(*paths[name]) for name in sorted(paths) if name.startswith(OURS) and name.endswith(".js")
        }
        others = {name: found for name, found in paths.items() if name not in sources}
        served = {name: (Lean(text), "") for name, text in lean(sources).items()}
        yield from super().post_process(others | served, *args, **options)


class SmallScripts(Compressor):  # type: ignore[misc]
    """Compresses our own scripts with zopfli. For all files, that would take a minute."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._smallest = _Smallest(**options)

    def compress(self, path: str | os.PathLike[str]) -> list[str]:
        is_ours = f"/{OURS}" in Path(path).as_posix()
        return list(self._smallest.compress(path) if is_ours else super().compress(path))


class _Smallest(Compressor):  # type: ignore[misc]
    @staticmethod
    def compress_gzip(data: bytes) -> bytes:
        return bytes(zopfli.gzip.compress(data))


class Lean:
    """A storage with a single file, as far as `post_process` needs one."""

    def __init__(self, text: str) -> None:
        self._text = text

    def open(self, path: str) -> ContentFile[bytes]:
        return ContentFile(self._text.encode())


def read(storage: Any, path: str) -> str:
    with storage.open(path) as file:
        return str(file.read().decode())


def lean(sources: dict[str, str]) -> dict[str, str]:
    """The served texts by module name. A module that is in the bundle of another is not served by itself."""
    made = bundles(sources, ENTRY) if ENTRY in sources else {}
    bundled = {name for bundle in made.values() for name in bundle.members}
    alone = {name: jsmin(text) for name, text in sources.items() if name not in bundled}
    return alone | {name: bundle.head + jsmin(bundle.body) for name, bundle in made.items()}
