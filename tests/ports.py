"""Ports for servers that have to be told their port number."""

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
    """A port on which nothing listens, reserved for this process until it exits.

    The kernel never assigns it, because it is below the ephemeral range (which outgoing connections use). No other
    process gets it from this function, because this one holds the lock on the port's file.
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
    """Recently closed connections count as use, because servers may not set SO_REUSEADDR."""
    with socket.socket() as listener:
        try:
            listener.bind(("127.0.0.1", port))
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise
            return False
    return True
