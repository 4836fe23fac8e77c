"""Ports of this machine for servers that are started by their number."""

from __future__ import annotations

import errno
import fcntl
import os
import random
import socket
import tempfile
from pathlib import Path
from typing import IO, Final

FIRST: Final = 10_240
ATTEMPTS: Final = 1_000

# Held until this process ends.
_claims: list[IO[bytes]] = []


def closed_port() -> int:
    """A port on which nothing listens, and which stays this process's own until that ends.

    The kernel gives it to nobody, as it lies below those that it hands out by itself (a connection that leads
    elsewhere would take one of these). No other process that asks here is given it, as a lock is held on a file of its
    number.
    """
    for _ in range(ATTEMPTS):
        port = random.randrange(FIRST, _first_ephemeral())
        if _claim(port) and _is_free(port):
            return port
    raise AssertionError("there is no free port")


def _first_ephemeral() -> int:
    return int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])


def _claim(port: int) -> bool:
    folder = Path(tempfile.gettempdir(), f"ports-of-tests-{os.getuid()}")
    folder.mkdir(exist_ok=True)
    file = (folder / str(port)).open("wb")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        return False
    _claims.append(file)
    return True


def _is_free(port: int) -> bool:
    """Also of connections that are only just closed: servers may not set SO_REUSEADDR."""
    with socket.socket() as listener:
        try:
            listener.bind(("127.0.0.1", port))
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise
            return False
    return True
