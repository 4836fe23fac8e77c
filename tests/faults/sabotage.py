"""python -m tests.faults.sabotage NAME: `manage.py serve` with one part disabled or blocked.

Only here: the product has no switches for this. A process that reaches the point where it is held logs it.
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
    """A turn whose question contains `fault=<point>` blocks there: before_commit, inside or after_commit."""
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

    # Enough threads for all held turns.
    database._savers = ThreadPoolExecutor(32, thread_name_prefix="db-save")  # type: ignore[misc]
    turn.Turn.save, turn.Turn._write, Finisher.done = held_save, held_write, held_done  # type: ignore[method-assign]


def no_takeover() -> None:
    """No process looks for the runs of dead processes."""
    from chat.generation.takeover import Takeover

    Takeover.start = lambda self: None  # type: ignore[method-assign]


def quick_pings() -> None:
    """A client that does not answer a ping is dropped after 3 seconds instead of 50."""
    from chat.server import server

    server.PING_INTERVAL_SECONDS, server.PING_TIMEOUT_SECONDS = 1, 2  # type: ignore[misc]


def no_pings() -> None:
    """No client is pinged."""
    from chat.server import server

    server.PING_INTERVAL_SECONDS = 100_000  # type: ignore[misc]


def no_waiting() -> None:
    """Senders do not wait for slow readers."""
    from chat.server.gate import WriteGate

    async def passed(self: WriteGate) -> None:
        await asyncio.sleep(0)

    WriteGate.passed = passed  # type: ignore[method-assign]


def no_checks() -> None:
    """Servers do not compare the received events with what Redis holds."""
    from chat.streams.redis.following import Following

    Following._check = lambda self: None  # type: ignore[method-assign]


SABOTAGES: Final[dict[str, Callable[[], None]]] = {
    each.__name__: each for each in (hold_saves, no_takeover, quick_pings, no_pings, no_waiting, no_checks)
}


def command(name: str) -> tuple[str, ...]:
    """The command that starts a Server with this sabotage."""
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
    # Import this first: it installs the event loop for everything else.
    import daphne.server  # noqa: F401
    from django.core.management import execute_from_command_line

    django.setup()
    SABOTAGES[sys.argv[1]]()
    execute_from_command_line(["manage.py", "serve"])


if __name__ == "__main__":
    main()
