"""The site's database from its address: SQLite in a file, or PostgreSQL through a pool of connections."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import dj_database_url

# How long to wait for a connection: for PostgreSQL to accept one, or for the pool to have one free.
CONNECT_SECONDS: Final = 5
WRITE_AHEAD_BYTES: Final = 16 * 1024 * 1024
SQLITE: Final = "django.db.backends.sqlite3"
POSTGRESQL: Final = "django.db.backends.postgresql"


def database(url: str, *, connections: int, seconds: int) -> dict[str, Any]:
    """One entry of DATABASES. Raises ValueError, saying what is wrong with the address.

    `connections`: at most so many per process; SQLite has no such bound. `seconds`: for one statement, with the wait
    for its locks.
    """
    parsed: dict[str, Any] = {**dj_database_url.parse(url)}
    # A connection kept beyond its request belongs to a thread that no later request finds again (facts of ASGI).
    parsed["CONN_MAX_AGE"] = 0
    given = parsed.setdefault("OPTIONS", {})
    if parsed["ENGINE"] == SQLITE:
        given.update(_sqlite(seconds))
    elif parsed["ENGINE"] == POSTGRESQL:
        parsed["ENGINE"] = "chatsite.postgresql"
        parsed["OPTIONS"] = {**_postgresql(connections), **given, "options": _session(seconds, given)}
    else:
        raise ValueError("only sqlite:// and postgresql:// are supported")
    return parsed


def sqlite_database(path: Path, *, seconds: int) -> dict[str, Any]:
    """One entry of DATABASES: SQLite in this file, whose name is no address, so that "#", "?" and "%" are letters."""
    return {"ENGINE": SQLITE, "NAME": str(path), "CONN_MAX_AGE": 0, "OPTIONS": _sqlite(seconds)}


def sqlite_path(database: Mapping[str, Any]) -> Path | None:
    """The file of an entry of DATABASES; None for a database in memory, by SQLite's URI, or elsewhere."""
    name = str(database["NAME"])
    is_file = database["ENGINE"] == SQLITE and name != ":memory:" and not name.startswith("file:")
    return Path(name) if is_file else None


def _sqlite(seconds: int) -> dict[str, Any]:
    return {
        # IMMEDIATE: a transaction that will write waits for its turn at the start; it never fails half-way to upgrade.
        "transaction_mode": "IMMEDIATE",
        "timeout": seconds,
        # What a burst of writing has needed of the write-ahead log beyond the limit is given back after it.
        "init_command": "PRAGMA journal_mode=WAL;PRAGMA synchronous=NORMAL;PRAGMA foreign_keys=ON;"
        f"PRAGMA journal_size_limit={WRITE_AHEAD_BYTES}",
    }


def _postgresql(connections: int) -> dict[str, Any]:
    return {
        "pool": {
            "min_size": min(2, connections),
            "max_size": connections,
            "timeout": CONNECT_SECONDS,
            # Connections that a busy minute needed are given back one by one after it.
            "max_idle": 60,
            # After so long without success it starts over with short waits, instead of waiting ever longer.
            "reconnect_timeout": CONNECT_SECONDS,
        },
        "connect_timeout": CONNECT_SECONDS,
        # A machine or a network that went away without a word is noticed within half a minute.
        "keepalives_idle": 10,
        "keepalives_interval": 5,
        "keepalives_count": 3,
        "tcp_user_timeout": 25_000,
        "application_name": "chatsite",
    }


def _session(seconds: int, given: dict[str, Any]) -> str:
    """The server's own bounds: it ends a statement that takes too long, and a transaction that nobody goes on with."""
    bounds = {"statement_timeout": seconds * 1000, "idle_in_transaction_session_timeout": seconds * 1000}
    ours = " ".join(f"-c {name}={milliseconds}" for name, milliseconds in bounds.items())
    return f"{ours} {given.get('options', '')}".strip()
