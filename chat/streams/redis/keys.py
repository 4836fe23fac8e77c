"""The names of the log's keys and channels in Redis, for Python and for the Lua scripts.

Each is `<prefix><kind>:<ids>`. Every key has a TTL, so nothing stays behind.
"""

from __future__ import annotations

from typing import Final

PREFIX: Final = "chat:"

KINDS: Final = {
    "run": "hash, by run: the fields described in lua/common.lua",
    "log": "stream, by run: one entry per event; the id is <seq>-0, the field `e` is JSON [name, data]",
    "sent": "string, by owner and client_message_id: the run",
    "slot": "string, by conversation: its live run",
    "live": "set, by owner: the live runs",
    "runs": "sorted set, by owner: all runs; score: creation time in microseconds",
    "sends": "sorted set, by owner: the runs of the last minute; score: creation time in milliseconds",
    "rate": "sorted set: the runs of the last minute of all owners; score: creation time in milliseconds",
    "leases": "sorted set: all live runs; score: end of the lease in milliseconds, 0 once released",
    "saved": "sorted set: saved runs with a log, `<run> <owner> <bytes>`; score: expiry of the log in milliseconds",
    "failed": "sorted set: the same for failed runs",
    "ended": "hash: the total log size of ended runs in bytes, by owner, and for `all`",
    "ready": "string, by process: a recent test write",
    "followers": "sorted set, by run: the processes that follow it; score: expiry in milliseconds",
    "events": "channel, by run: `<epoch> <first seq> [entry, …]` per append",
    "control": "channel: `stop <run>`",
}


def name(prefix: str, kind: str, *ids: str) -> str:
    if kind not in KINDS:
        raise ValueError(f"Unknown kind of key: {kind!r}.")
    return prefix + ":".join((kind, *ids))


def lua() -> str:
    """Lua code: one function for each kind, such as `run_key(run)`. The scripts get the prefix as their only key."""
    return "\n".join(
        f"local function {kind}_key(...) return KEYS[1] .. table.concat({{'{kind}', ...}}, ':') end" for kind in KINDS
    )
