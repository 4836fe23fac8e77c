"""The containers of docker-compose.yml, started from a fresh clone without settings."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any, Final

from tests.compose.engine import Engine, run
from tests.members import Member
from tests.ports import closed_port
from tests.server.process import ROOT

PROJECT: Final = "chatsite-test"
# A separate image, so that a developer's own is not replaced, and a token rate that makes a long answer last a while.
OVERRIDE: Final = """
services:
  web: &build
    build: {network: NETWORK}
    image: chatsite-test
    environment: {CHAT_DEMO_TOKENS_PER_SECOND: "80", CHAT_SENDS_PER_MINUTE: "1000", CHAT_TITLES: "0"}
  migrate: {build: {network: NETWORK}, image: chatsite-test}
  password: {build: {network: NETWORK}, image: chatsite-test}
  # A stand-in's start script clears Debian's site away, and becomes another user by `su`, which stays and passes
  # signals on.
  nginx: {tmpfs: [/etc/nginx/sites-enabled, /var/log/nginx]}
  postgres: {cap_add: [AUDIT_WRITE, KILL]}
"""
BUILD_SECONDS: Final = 600
UP_SECONDS: Final = 240
POLL_SECONDS: Final = 0.1


class Stack:
    """nginx is published at `url` and `port`."""

    def __init__(self, engine: Engine, clone: Path) -> None:
        self.engine = engine
        self.clone = clone
        self.published = closed_port()
        self.port = 0
        self.started_in = 0.0
        (clone / "test-override.yml").write_text(OVERRIDE.replace("NETWORK", engine.build_network))

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def compose(
        self, *arguments: str, also: str = "", check: bool = True, seconds: float = UP_SECONDS, **variables: object
    ) -> str:
        """Returns the output of `docker compose`. `also`: an additional Compose file."""
        files = ["docker-compose.yml", "test-override.yml", *filter(None, [also])]
        options = [part for file in files for part in ("--file", file)]
        command = [*self.engine.command, "compose", "--project-name", PROJECT, "--progress", "plain", *options]
        variables = {"CHAT_PORT": self.published, **variables}
        return run([*command, *arguments], check=check, seconds=seconds, cwd=self.clone, **variables).stdout

    def images(self) -> list[str]:
        """The images that the build and the containers use."""
        base = re.findall(r"^FROM (\S+)", (self.clone / "Dockerfile").read_text(), re.MULTILINE)
        used = re.findall(r"^ +image: (\S+)", (self.clone / "docker-compose.yml").read_text(), re.MULTILINE)
        return sorted({*base, *used} - {"chatsite", "ollama/ollama"})

    def build(self) -> None:
        self.compose("build", seconds=BUILD_SECONDS)

    def up(self, *arguments: str) -> None:
        """Returns when every container is healthy."""
        self.compose("up", "--detach", "--no-build", "--wait", *arguments)

    def containers(self, service: str) -> list[str]:
        return self.compose("ps", "--quiet", service).split()

    def states(self) -> dict[str, str]:
        """The state of each container by name: its health if it has a health check, else its status and exit code."""
        rows = map(json.loads, self.compose("ps", "--all", "--format", "json").splitlines())
        return {row["Name"].removeprefix(f"{PROJECT}-"): state(row) for row in rows}

    def container_of(self, run_id: str) -> str:
        """The server that started a run, according to its log."""
        for container in self.containers("web"):
            if f"run {run_id}: started" in self.engine.docker("logs", container).stdout:
                return container
        raise AssertionError(f"no server has started run {run_id}")

    def manage(self, *arguments: str, **variables: str) -> str:
        settings = [part for name, value in variables.items() for part in ("--env", f"{name}={value}")]
        return self.compose("exec", "--no-TTY", *settings, "web", "python", "manage.py", *arguments).strip()

    def member(self, name: str) -> Member:
        """An account with an API token and no usable password."""
        made = "from chat.models import User; print(User.objects.create_user({0!r}, {0!r} + '@example.org').pk)"
        number = self.manage("shell", "--verbosity", "0", "--command", made.format(name))
        return Member(name, int(number), self.manage("create_api_token", name), "")

    def answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/healthz", timeout=5) as response:
                return bool(response.status == 200)
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            return False

    def down(self, *arguments: str) -> None:
        self.compose("down", "--remove-orphans", *arguments)


def state(row: dict[str, Any]) -> str:
    return str(row["Health"] or f"{row['State']} {row['ExitCode']}")


def clone(directory: Path) -> Path:
    """Copies the files that git tracks or would add: no .env, no caches."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    for name in filter(None, listed.split("\0")):
        if (source := ROOT / name).is_file():
            target = directory / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, target)
    return directory


def wait_until(condition: Any, *, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "timed out"
        time.sleep(POLL_SECONDS)
