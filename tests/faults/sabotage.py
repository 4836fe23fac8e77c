"""python -m tests.faults.sabotage NAME: `manage.py serve` with something in it taken away or held up.

Only here: the product has no switch for any of this. A process that has come to where it is held says so in its log.
"""

from __future__ import annotations

import asyncio
import os
import sys
import threading
from collections.abc import Callable
from typing import Any, Final

import django

HELD: Final = "held at"


def hold_saves() -> None:
    """A turn whose question holds `fault=<point>` waits for ever there: before_commit, inside, or after_commit."""
    from concurrent.futures import ThreadPoolExecutor

    from django.db import transaction

    from chat import database
    from chat.generation.finishing import Finisher
    from chat.models import turn

    save, write, done = turn.Turn.save, turn.Turn._write, Finisher.done

    def held_save(self: turn.Turn) -> Any:
        if "fault=before_commit" in self.user_text:
            _hold_thread("before_commit")
        return save(self)

    def held_write(self: turn.Turn) -> Any:
        answer = write(self)
        if "fault=inside" in self.user_text:
            assert transaction.get_connection().in_atomic_block
            _hold_thread("inside")
        return answer

    async def held_done(self: Finisher, message: Any, run_id: str, *, token: int) -> None:
        if "fault=after_commit" in message.parent.text:
            _say("after_commit")
            await asyncio.Event().wait()
        await done(self, message, run_id, token=token)

    # Room for as many as are held.
    database._savers = ThreadPoolExecutor(32, thread_name_prefix="db-save")  # type: ignore[misc]
    turn.Turn.save, turn.Turn._write, Finisher.done = held_save, held_write, held_done  # type: ignore[method-assign]


def no_takeover() -> None:
    """Nobody looks for the runs of processes that are gone."""
    from chat.generation.takeover import Takeover

    Takeover.start = lambda self: None  # type: ignore[method-assign]


def quick_pings() -> None:
    """Whoever does not answer a ping is given up after three seconds and not after fifty."""
    from chat.server import server

    server.PING_INTERVAL_SECONDS, server.PING_TIMEOUT_SECONDS = 1, 2  # type: ignore[misc]


def no_pings() -> None:
    """Nobody is asked whether they are still there."""
    from chat.server import server

    server.PING_INTERVAL_SECONDS = 100_000  # type: ignore[misc]


def no_waiting() -> None:
    """Whoever sends goes on, whether or not the reader has taken anything."""
    from chat.server.gate import WriteGate

    async def passed(self: WriteGate) -> None:
        await asyncio.sleep(0)

    WriteGate.passed = passed  # type: ignore[method-assign]


def no_checks() -> None:
    """Nobody compares what was heard with what Redis holds."""
    from chat.streams.redis.following import Following

    Following._check = lambda self: None  # type: ignore[method-assign]


SABOTAGES: Final[dict[str, Callable[[], None]]] = {
    each.__name__: each for each in (hold_saves, no_takeover, quick_pings, no_pings, no_waiting, no_checks)
}


def command(name: str) -> tuple[str, ...]:
    """For a Server: as it would be started, but for this."""
    assert name in SABOTAGES
    return (sys.executable, "-m", "tests.faults.sabotage", name)


def _hold_thread(point: str) -> None:
    _say(point)
    threading.Event().wait()


def _say(point: str) -> None:
    sys.stderr.write(f"{HELD} {point}\n")
    sys.stderr.flush()


def main() -> None:
    os.environ["DJANGO_SETTINGS_MODULE"] = "chatsite.settings"
    # First: it installs the event loop that everything else must find.
    import daphne.server  # noqa: F401
    from django.core.management import execute_from_command_line

    django.setup()
    SABOTAGES[sys.argv[1]]()
    execute_from_command_line(["manage.py", "serve"])


if __name__ == "__main__":
    main()
