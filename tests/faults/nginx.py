"""A real nginx in front of the servers of a cluster."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from tests.ports import closed_port
from tests.server.process import ROOT

TEMPLATE: Final = ROOT / "deploy" / "nginx.conf"
START_SECONDS: Final = 60.0
POLL_SECONDS: Final = 0.02


class Nginx:
    """In front of the servers on these ports. `template`: a configuration like deploy/nginx.conf."""

    def __init__(self, directory: Path, ports: Sequence[int], *, template: Path = TEMPLATE) -> None:
        self.port = closed_port()
        self._directory = directory
        self._process: subprocess.Popen[bytes] | None = None
        values = {
            "CHAT_LISTEN": f"127.0.0.1:{self.port}",
            "CHAT_UPSTREAM": "servers",
            "CHAT_RESOLVER": "127.0.0.1",
            "CHAT_HTTPS": "0",
            "CHAT_PROXY": "0.0.0.0/32",
            "CHAT_CACHE_DIR": str(directory / "cache"),
            "CHAT_HSTS_SUBDOMAINS": "",
            "CHAT_HSTS_PRELOAD": "",
            # All clients of a test share one address.
            "CHAT_ADDRESS_CONNECTIONS": "60000",
            "CHAT_ADDRESS_REQUESTS": "100000",
        }
        (directory / "cache").mkdir(parents=True)
        text = template.read_text()
        for name, value in values.items():
            text = text.replace(f"${{{name}}}", value)
        (directory / "nginx.conf").write_text(text)
        # The template includes such files from its own directory. `max_fails=0`: no memory of failures, as when nginx
        # resolves the servers for each request. With one, a server that is back would get one request per
        # `fail_timeout` until one has ended.
        servers = "".join(f"server 127.0.0.1:{port} max_fails=0; " for port in ports)
        (directory / "tls-servers.conf").write_text(f"upstream servers {{ {servers}}}\n")

    @property
    def log(self) -> str:
        path = self._directory / "log"
        return path.read_text() if path.exists() else ""

    def start(self) -> None:
        user = ["-g", "user root;"] if os.geteuid() == 0 else []
        arguments = ["-p", str(self._directory), "-c", str(self._directory / "nginx.conf")]
        with (self._directory / "log").open("ab") as log:
            self._process = subprocess.Popen(
                ["nginx", *arguments, "-g", f"daemon off; pid {self._directory}/pid; {' '.join(user[1:])}"],
                stdout=log,
                stderr=log,
                env={"PATH": f"{os.environ['PATH']}:/usr/sbin"},
            )
        deadline = time.monotonic() + START_SECONDS
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
                return
            except OSError:
                assert time.monotonic() < deadline, self.log
                assert self._process.poll() is None, self.log
                time.sleep(POLL_SECONDS)

    def stop(self) -> None:
        """Stop immediately: open connections are cut."""
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
            self._process.wait(START_SECONDS)
