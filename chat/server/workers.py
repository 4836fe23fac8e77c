"""Several server processes on one port: the parent restarts them and serves nothing itself.

They share its listening socket. With a socket each (SO_REUSEPORT), connections queued at a process that dies would be
lost; with a shared one, another process accepts them.
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
# A worker that ran this long resets the restart delay.
STEADY_SECONDS: Final = 10.0
ENDING: Final = (signal.SIGTERM, signal.SIGINT)
# Exit codes of a worker that was told to stop; the second if it had no signal handler yet.
ORDERLY: Final = (0, -signal.SIGTERM)


@dataclass
class Worker:
    """A slot for a process. `wait`: seconds before its next process starts."""

    process: subprocess.Popen[bytes] | None = None
    begins_at: float = 0.0
    wait: float = FIRST_WAIT_SECONDS


class Workers:
    """A worker runs `command` with `--listener <file descriptor>`, and must exit when its standard input closes.

    So workers exit with the parent, even if it is killed. `end_seconds`: how long a shutdown may take before workers
    are killed. `on_ended` is called with the id of each process that has exited.
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
        """Run until SIGTERM or SIGINT, pass it on, wait for all workers. Returns whether all exited cleanly."""
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
                logger.error("workers: shutdown timed out, killing worker %d", process.pid)
                process.kill()
                process.wait()
                self._status = False

    def _start(self, worker: Worker, now: float) -> None:
        worker.begins_at = now
        worker.process = subprocess.Popen(  # noqa: S603  (our own command)
            self._command,
            stdin=subprocess.PIPE,
            pass_fds=[self._listener.fileno()],
            # Ctrl-C goes to the parent only, which passes it on.
            process_group=0,
        )
        logger.info("workers: started worker %d", worker.process.pid)

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
            "workers: worker %d exited with %d, restarting in %.1f s", process.pid, process.returncode, worker.wait
        )
        worker.begins_at = now + worker.wait
        worker.wait = min(worker.wait * 2, LONGEST_WAIT_SECONDS)

    def _end(self) -> None:
        """Handle a signal: pass it on. The workers themselves act on a second one."""
        if self._forced_at is None:
            self._forced_at = time.monotonic() + self._end_seconds
            # The workers have it too: listening stops once they have all closed it.
            self._listener.close()
        for process in self._processes():
            process.send_signal(signal.SIGTERM)

    def _processes(self) -> list[subprocess.Popen[bytes]]:
        return [worker.process for worker in self._workers if worker.process is not None]

    def _patience(self) -> float | None:
        """Seconds until the next timed action; None if there is none."""
        times = [worker.begins_at for worker in self._workers if worker.process is None and self._forced_at is None]
        if self._forced_at is not None:
            times.append(self._forced_at)
        return max(0.0, min(times) - time.monotonic()) if times else None


@contextmanager
def _signals() -> Iterator[socket.socket]:
    """A socket that delivers the numbers of incoming signals."""
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
    """Does nothing: without a Python handler a signal would not reach the socket."""
