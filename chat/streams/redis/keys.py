"""The names of everything that the log keeps in Redis, for Python and for its scripts.

Each is `<prefix><kind>:<ids>`. Every key has a time to live: nothing stays behind for good.
"""

from __future__ import annotations

from typing import Final

PREFIX: Final = "chat:"

KINDS: Final = {
    "run": "hash, by run: the run as lua/common.lua describes it",
    "log": "stream, by run: one entry per event; the id is <seq>-0, the field `e` is JSON [name, data]",
    "sent": "string, by owner and client_message_id: the run",
    "slot": "string, by conversation: its live run",
    "live": "set, by owner: the live runs",
    "runs": "sorted set, by owner: every run, by the time it was made in microseconds",
    "sends": "sorted set, by owner: the runs of the last minute, by the time they were made in milliseconds",
    "rate": "sorted set: the runs of the last minute, of all owners, by the time they were made in milliseconds",
    "leases": "sorted set: every live run, by the time its lease ends in milliseconds; 0 once it is released",
    "saved": "sorted set: ended runs with a log, `<run> <owner> <bytes>`, by the time it goes in milliseconds",
    "failed": "sorted set: the same of runs that ended with an error",
    "ended": "hash: the bytes of the logs of ended runs, by owner, and of `all`",
    "ready": "string, by process: it could write a moment ago",
    "followers": "sorted set, by run: the processes that follow it, by the time until when in milliseconds",
    "events": "channel, by run: `<epoch> <first seq> [entry, …]` per append",
    "control": "channel: `stop <run>`",
}


def name(prefix: str, kind: str, *ids: str) -> str:
    if kind not in KINDS:
        raise ValueError(f"There are no keys of kind {kind!r}.")
    return prefix + ":".join((kind, *ids))


def lua() -> str:
    """A function for each kind: `run_key(run)`. The scripts get the prefix as their only key."""
    return "\n".join(
        f"local function {kind}_key(...) return KEYS[1] .. table.concat({{'{kind}', ...}}, ':') end" for kind in KINDS
    )
