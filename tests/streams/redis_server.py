"""A Redis for tests only, in its own directory, on a Unix socket, and stopped by its process id."""

from __future__ import annotations

import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import redis

START_SECONDS = 60.0
POLL_SECONDS = 0.01


class RedisServer:
    """`keeps_data`: acknowledged writes survive a restart."""

    def __init__(self, directory: Path, *, keeps_data: bool = False) -> None:
        self._directory = directory
        self._keeps_data = keeps_data
        self._process: subprocess.Popen[bytes] | None = None
        self.socket = directory / "redis.sock"
        self.url = f"unix://{self.socket}"

    def start(self) -> None:
        append_only = ["--appendonly", "yes", "--appendfsync", "always"] if self._keeps_data else []
        with (self._directory / "log").open("ab") as log:
            self._process = subprocess.Popen(
                ["redis-server", "--port", "0", "--unixsocket", self.socket, "--save", "", *append_only],
                cwd=self._directory,
                stdout=log,
                stderr=log,
            )
        deadline = time.monotonic() + START_SECONDS
        while not self._answers():
            assert time.monotonic() < deadline, (self._directory / "log").read_text()
            assert self._process.poll() is None, (self._directory / "log").read_text()
            time.sleep(POLL_SECONDS)

    def kill(self) -> None:
        self._signal(signal.SIGKILL)
        assert self._process is not None
        self._process.wait(START_SECONDS)

    def pause(self) -> None:
        """It still accepts connections and commands, but answers nothing."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        self._signal(signal.SIGCONT)

    def stop(self) -> None:
        if self._process is not None and self._process.poll() is None:
            self.resume()
            self.kill()

    def client(self) -> redis.Redis:
        """A client to inspect it from outside."""
        return redis.Redis(unix_socket_path=str(self.socket))

    def command(self, *arguments: object) -> object:
        with self.client() as client:
            return client.execute_command(*arguments)  # type: ignore[no-untyped-call]

    def keys_that_stay(self) -> list[bytes]:
        """Keys without a time to live."""
        with self.client() as client:
            return [key for key in client.scan_iter(count=1000) if client.pttl(key) == -1]

    def _signal(self, number: signal.Signals) -> None:
        assert self._process is not None
        self._process.send_signal(number)

    def _answers(self) -> bool:
        try:
            return bool(self.command("PING"))
        except redis.RedisError:
            return False


@contextmanager
def redis_server(*, keeps_data: bool = False) -> Iterator[RedisServer]:
    # Not in pytest's own directory: the path of a Unix socket has at most 107 bytes.
    directory = Path(tempfile.mkdtemp(prefix="redis-"))
    server = RedisServer(directory, keeps_data=keeps_data)
    try:
        server.start()
        yield server
    finally:
        server.stop()
        shutil.rmtree(directory)
