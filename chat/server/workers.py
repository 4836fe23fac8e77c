"""Several server processes on one port: the parent keeps them alive, and serves nothing itself.

They share its listening socket. With a socket for each (SO_REUSEPORT) the connections that wait in the queue of a
process that dies would be lost; from this one, another process takes them.
"""

from __future__ import annotations

import logging
import select
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType
from typing import Final

logger = logging.getLogger(__name__)

FIRST_WAIT_SECONDS: Final = 0.5
LONGEST_WAIT_SECONDS: Final = 30.0
# One that has lived for so long was not started in vain: its successor waits no longer than the first.
STEADY_SECONDS: Final = 10.0
ENDING: Final = (signal.SIGTERM, signal.SIGINT)
# How a worker ends that was told to; the second before it listens to signals.
ORDERLY: Final = (0, -signal.SIGTERM)


@dataclass
class Worker:
    """A place for a process. `wait`: seconds that its next process is made to wait."""

    process: subprocess.Popen[bytes] | None = None
    begins_at: float = 0.0
    wait: float = FIRST_WAIT_SECONDS


class Workers:
    """`command` and `--listener <file descriptor>` is what a worker runs. It ends when its standard input does.

    So it ends with the parent, even if that is killed. `end_seconds`: how long an end may take before it is forced.
    `on_ended` is told the number of each process that has ended.
    """

    def __init__(
        self,
        command: Sequence[str],
        count: int,
        *,
        listener: socket.socket,
        end_seconds: float,
        on_ended: Callable[[int], None] = lambda process_id: None,
    ) -> None:
        self._listener = listener
        self._command = [*command, "--listener", str(listener.fileno())]
        self._workers = [Worker() for _ in range(count)]
        self._end_seconds = end_seconds
        self._on_ended = on_ended
        self._forced_at: float | None = None
        self._status = True

    def run(self) -> bool:
        """Until SIGTERM or SIGINT, which every worker is told, and all have ended. Whether they did so in order."""
        with _signals() as signals:
            while True:
                self._look()
                if self._forced_at is not None and not self._processes():
                    return self._status
                ready, _, _ = select.select([signals], [], [], self._patience())
                for number in signals.recv(4096) if ready else b"":
                    if number in ENDING:
                        self._end()

    def _look(self) -> None:
        now = time.monotonic()
        for worker in self._workers:
            if worker.process is not None and worker.process.poll() is not None:
                self._ended(worker, worker.process, now)
            if worker.process is None and self._forced_at is None and worker.begins_at <= now:
                self._start(worker, now)
        if self._forced_at is not None and self._forced_at <= now:
            for process in self._processes():
                logger.error("Worker %d has not ended in time: it is killed.", process.pid)
                process.kill()
                process.wait()
                self._status = False

    def _start(self, worker: Worker, now: float) -> None:
        worker.begins_at = now
        worker.process = subprocess.Popen(  # noqa: S603  (our own command)
            self._command,
            stdin=subprocess.PIPE,
            pass_fds=[self._listener.fileno()],
            # Ctrl-C is for the parent, which tells it to the workers.
            process_group=0,
        )
        logger.info("Worker %d started.", worker.process.pid)

    def _ended(self, worker: Worker, process: subprocess.Popen[bytes], now: float) -> None:
        if process.stdin is not None:
            process.stdin.close()
        worker.process = None
        self._on_ended(process.pid)
        if self._forced_at is not None:
            self._status = self._status and process.returncode in ORDERLY
            return
        if now - worker.begins_at >= STEADY_SECONDS:
            worker.wait = FIRST_WAIT_SECONDS
        logger.error(
            "Worker %d has ended (%d); another one begins in %.1f s.", process.pid, process.returncode, worker.wait
        )
        worker.begins_at = now + worker.wait
        worker.wait = min(worker.wait * 2, LONGEST_WAIT_SECONDS)

    def _end(self) -> None:
        """What a signal does; the workers know what a second one means."""
        if self._forced_at is None:
            self._forced_at = time.monotonic() + self._end_seconds
            # They have it too: nobody listens any more once each of them has let go.
            self._listener.close()
        for process in self._processes():
            process.send_signal(signal.SIGTERM)

    def _processes(self) -> list[subprocess.Popen[bytes]]:
        return [worker.process for worker in self._workers if worker.process is not None]

    def _patience(self) -> float | None:
        """Until something is to be done though nothing happens; None if nothing is."""
        times = [worker.begins_at for worker in self._workers if worker.process is None and self._forced_at is None]
        if self._forced_at is not None:
            times.append(self._forced_at)
        return max(0.0, min(times) - time.monotonic()) if times else None


@contextmanager
def _signals() -> Iterator[socket.socket]:
    """A socket that brings the numbers of the signals that come."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.setblocking(False)
        theirs.setblocking(False)
        before = {number: signal.signal(number, _heard) for number in (*ENDING, signal.SIGCHLD)}
        wakeup = signal.set_wakeup_fd(theirs.fileno())
        try:
            yield ours
        finally:
            signal.set_wakeup_fd(wakeup)
            for number, handler in before.items():
                signal.signal(number, handler)


def _heard(number: int, frame: FrameType | None) -> None:
    """A signal without a handler in Python would not come through the socket."""
