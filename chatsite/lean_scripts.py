"""What `collectstatic` serves of our own scripts: without the comments, which are two fifths of their bytes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from django.core.files.base import ContentFile
from django.core.files.storage import Storage
from rjsmin import jsmin
from servestatic.storage import CompressedManifestStaticFilesStorage

# Vendored ones are served as their authors made them: their hashes are on record.
OURS: Final = "js/"


class LeanScriptsStorage(CompressedManifestStaticFilesStorage):  # type: ignore[misc]
    """Under their hashed names, as the import map leads to them. The sources keep their own names beside them."""

    def post_process(self, paths: dict[str, tuple[Any, str]], *args: Any, **options: Any) -> Iterator[Any]:
        lean = {
            name: (LeanSource(storage), path) if name.startswith(OURS) and name.endswith(".js") else (storage, path)
            for name, (storage, path) in paths.items()
        }
        yield from super().post_process(lean, *args, **options)


class LeanSource:
    """A storage as far as `post_process` reads it."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage

    def open(self, path: str) -> ContentFile[bytes]:
        with self._storage.open(path) as file:
            return ContentFile(jsmin(file.read().decode()).encode())
