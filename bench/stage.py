"""What the measurements are made on."""

from __future__ import annotations

import importlib.util
import json
import shutil
import sys
import urllib.request
from pathlib import Path
from typing import Any, Final, TypeVar

from redis import Redis

from bench import machine
from bench.processes import VENV, Process, Server, uses_uvloop
from bench.speed import Speedometer
from bench.upstream import MODEL
from tests.fake_openai.server import closed_port
from tests.members import prepare
from tests.server.process import ROOT

P = TypeVar("P", bound=Process)

# The bench is one impatient person in many: what protects a site from that is not what is measured.
UNLIMITED: Final = {
    "CHAT_SENDS_PER_MINUTE": "1000000",
    "CHAT_LIVE_RUNS_PER_USER": "1000",
    "CHAT_FRAMES_PER_SECOND": "100000",
    "CHAT_FRAMES_PER_SECOND_PER_USER": "100000",
    "CHAT_SOCKETS_PER_USER": "100000",
    "CHAT_STREAMS_PER_USER": "100000",
    # One request for one answer, as the reference makes.
    "CHAT_TITLES": "0",
    "LOG_LEVEL": "WARNING",
}


class Stage:
    """What the measurements need: a folder for their data, the model, people, and servers that can be started.

    `with_redis`: whether the site knows Redis and there is one here.
    """

    def __init__(self, folder: Path, *, people: int) -> None:
        self.server_cores, self.other_cores = machine.cores()
        self.folder = folder
        self.with_redis = _site_knows_redis() and shutil.which("redis-server") is not None
        self._running: list[Process] = []
        try:
            self.speed = self._started(Speedometer(cores=self.server_cores, log=folder / "speed.log"))
            command = [sys.executable, "-m", "bench.upstream"]
            self.model = self._started(Process(command, cores=self.other_cores, log=folder / "upstream.log"))
            self._model_url = self.model.first_line()
            self.redis_url = self._start_redis() if self.with_redis else ""
            self.people = self._make_people(people)
        except BaseException:
            self.close()
            raise

    def site(self, *, redis: bool, folder: Path | None = None, **variables: str) -> Server:
        """`folder`: of the site's code, if it is not this one. `variables`: more of its settings."""
        port = closed_port()
        if redis:
            # The runs of a server that was killed would be taken over by this one, in the middle of its measurement.
            Redis.from_url(self.redis_url).flushall()
        return Server(
            [sys.executable, "manage.py", "serve", "--port", str(port)],
            port,
            cores=self.server_cores,
            log=self.folder / "site.log",
            cwd=folder or ROOT,
            CHAT_DATA_DIR=str(self.folder),
            OPENAI_BASE_URL=self._model_url,
            OPENAI_API_KEY="none",
            OPENAI_MODEL=MODEL,
            **({"REDIS_URL": self.redis_url} if redis else {}),
            **UNLIMITED,
            **variables,
        )

    def reference(self) -> Server:
        port = closed_port()
        command = ["-m", "uvicorn", "bench.reference.service:app", "--port", str(port), "--log-level", "warning"]
        loop = "uvloop" if uses_uvloop() else "asyncio"
        return Server(
            [str(VENV / "bin" / "python"), *command, "--no-access-log", "--loop", loop, "--http", "httptools"],
            port,
            cores=self.server_cores,
            log=self.folder / "reference.log",
            OPENAI_BASE_URL=self._model_url,
            OPENAI_MODEL=MODEL,
        )

    def hold(self) -> None:
        """The model says no more than the first token of an answer, until `go`."""
        self._tell_model("hold")

    def go(self) -> None:
        self._tell_model("go")

    def late_ms(self, share: float) -> float:
        """By how many ms the model was late with that share of its tokens since this was last asked."""
        late: list[int] = self._tell_model("late")
        wanted = sum(late) * share
        seen = 0
        for ms, count in enumerate(late):
            seen += count
            if seen >= wanted:
                return float(ms)
        return float(len(late))

    def offered(self) -> int:
        """How many tools came with the last request to the model."""
        offered: int = self._tell_model("offered")
        return offered

    def close(self) -> None:
        for process in self._running:
            process.stop()

    def _started(self, process: P) -> P:
        self._running.append(process)
        return process

    def _tell_model(self, what: str) -> Any:
        request = urllib.request.Request(f"{self._model_url.removesuffix('/v1')}/{what}", method="POST")
        with urllib.request.urlopen(request, timeout=10) as response:
            return json.load(response)

    def _start_redis(self) -> str:
        port = closed_port()
        command = ["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
        log = self.folder / "redis.log"
        redis = self._started(Process([*command, "--logfile", str(log)], cores=self.other_cores, log=log))
        redis.wait_for_port(port)
        return f"redis://127.0.0.1:{port}/0"

    def _make_people(self, count: int) -> list[str]:
        """Their API tokens."""
        names = [f"person{number}" for number in range(count)]
        made = prepare(self.folder, *names)
        return [made[name].token for name in names]


def _site_knows_redis() -> bool:
    return importlib.util.find_spec("chat.streams.redis.log") is not None
