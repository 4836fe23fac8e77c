"""Database settings from a URL: SQLite in a file, or PostgreSQL through a connection pool."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import dj_database_url

# Timeout for PostgreSQL to accept a connection, or for the pool to have one free.
CONNECT_SECONDS: Final = 5
WRITE_AHEAD_BYTES: Final = 16 * 1024 * 1024
SQLITE: Final = "django.db.backends.sqlite3"
POSTGRESQL: Final = "django.db.backends.postgresql"


def database(url: str, *, connections: int, seconds: int) -> dict[str, Any]:
    """An entry of DATABASES. Raises ValueError that says what is wrong with the URL.

    `connections`: maximum per process; SQLite has no such limit. `seconds`: timeout of one statement, including waits
    for locks.
    """
    parsed: dict[str, Any] = {**dj_database_url.parse(url)}
    # Under ASGI, a connection kept after its request belongs to a thread that no later request uses.
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
    """An entry of DATABASES: SQLite in this file. The name is a path, not a URL: "#", "?" and "%" have no meaning."""
    return {"ENGINE": SQLITE, "NAME": str(path), "CONN_MAX_AGE": 0, "OPTIONS": _sqlite(seconds)}


def sqlite_path(database: Mapping[str, Any]) -> Path | None:
    """The file of an entry of DATABASES; None for an in-memory database, a SQLite URI, or another engine."""
    name = str(database["NAME"])
    is_file = database["ENGINE"] == SQLITE and name != ":memory:" and not name.startswith("file:")
    return Path(name) if is_file else None


def _sqlite(seconds: int) -> dict[str, Any]:
    return {
        # IMMEDIATE: transactions take the write lock at the start, so none fails later when it upgrades its lock.
        "transaction_mode": "IMMEDIATE",
        "timeout": seconds,
        # After a burst of writes, the write-ahead log shrinks to this limit.
        "init_command": "PRAGMA journal_mode=WAL;PRAGMA synchronous=NORMAL;PRAGMA foreign_keys=ON;"
        f"PRAGMA journal_size_limit={WRITE_AHEAD_BYTES}",
    }


def _postgresql(connections: int) -> dict[str, Any]:
    return {
        "pool": {
            "min_size": min(2, connections),
            "max_size": connections,
            "timeout": CONNECT_SECONDS,
            # Extra connections are closed after a minute without use.
            "max_idle": 60,
            # After this long without success, restart with a short backoff instead of increasing it further.
            "reconnect_timeout": CONNECT_SECONDS,
        },
        "connect_timeout": CONNECT_SECONDS,
        # Detects a silent loss of the machine or the network within half a minute.
        "keepalives_idle": 10,
        "keepalives_interval": 5,
        "keepalives_count": 3,
        "tcp_user_timeout": 25_000,
        "application_name": "chatsite",
    }


def _session(seconds: int, given: dict[str, Any]) -> str:
    """Session options: the server cancels statements and idle transactions after `seconds`."""
    bounds = {"statement_timeout": seconds * 1000, "idle_in_transaction_session_timeout": seconds * 1000}
    ours = " ".join(f"-c {name}={milliseconds}" for name, milliseconds in bounds.items())
    return f"{ours} {given.get('options', '')}".strip()
