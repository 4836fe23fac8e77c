"""Restricts the data directory, which holds all conversations, to its owner, whatever the modes were before."""

from __future__ import annotations

import os
import secrets
import stat
from contextlib import suppress
from pathlib import Path
from typing import Final

FOR_OTHERS: Final = 0o077
TOP_LEVEL: Final = 2
KEY: Final = "secret_key"
# Encrypts what is secret in the database; made when it is first needed.
SECRETS_KEY: Final = "secrets_key"
DATABASE: Final = "chat.sqlite3"


def make_private(directory: Path) -> None:
    """Create the directory if missing, and remove access for others from it and from our files in it.

    Never raises: failures surface where the files are used. Skips files of other owners, and shared directories like
    /tmp and /srv.
    """
    with suppress(OSError):
        directory.mkdir(0o700, parents=True, exist_ok=True)
        if len(directory.parts) > TOP_LEVEL and not directory.stat().st_mode & stat.S_ISVTX:
            _take_from_others(directory)
    make_private_file(directory / KEY)
    make_private_file(directory / SECRETS_KEY)
    for path in database_files(directory / DATABASE):
        make_private_file(path)


def make_key(path: Path) -> None:
    """Create a key atomically: of two processes that start together, one creates it and both read it."""
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    write_private(draft, secrets.token_urlsafe(48))
    try:
        os.link(draft, path)
    except FileExistsError:
        pass
    finally:
        draft.unlink()


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner can read, from the beginning."""
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(text)


def make_private_database(path: Path) -> None:
    """Restrict a SQLite database; create it empty if missing, as SQLite itself would let others read it."""
    with suppress(OSError):
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600))
    for each in database_files(path):
        make_private_file(each)


def make_private_file(path: Path) -> None:
    with suppress(OSError):
        _take_from_others(path)


def database_files(path: Path) -> list[Path]:
    """A SQLite database and the files that SQLite keeps beside it."""
    return [path.with_name(path.name + suffix) for suffix in ("", "-wal", "-shm", "-journal")]


def _take_from_others(path: Path) -> None:
    found = path.stat()
    mode = stat.S_IMODE(found.st_mode)
    if mode & FOR_OTHERS and found.st_uid == os.geteuid():
        path.chmod(mode & ~FOR_OTHERS)
