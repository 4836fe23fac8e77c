from __future__ import annotations

import errno
import os
import socket
import stat
from contextlib import suppress
from pathlib import Path
from typing import Final

# Connections that wait to be accepted: everybody may come back at once after a restart.
BACKLOG: Final = 2048
# What the kernel takes of us for one connection beyond what is on its way. Without an end it would be up to 4 MB for
# each reader that does not read: memory that no process has, but that counts in the limit of its container.
UNSENT_BYTES: Final = 64 * 1024


class CannotListen(Exception):
    """The address cannot be had. `in_use` says whether somebody else has it."""

    def __init__(self, error: OSError) -> None:
        super().__init__(error.strerror or str(error))
        self.in_use = error.errno == errno.EADDRINUSE


# As for a port of this machine: whoever can reach the directory may connect.
SOCKET_MODE: Final = 0o666


def listen_unix(path: Path) -> socket.socket:
    """A listening Unix socket, in place of one that nobody listens on any more. Raises CannotListen."""
    listener = socket.socket(socket.AF_UNIX)
    try:
        _remove_dead(path)
        listener.bind(str(path))
        path.chmod(SOCKET_MODE)
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        raise CannotListen(error) from error
    return listener


def _remove_dead(path: Path) -> None:
    """Raises OSError if somebody listens there, or if it is something else than a socket."""
    with suppress(FileNotFoundError):
        if not stat.S_ISSOCK(path.stat().st_mode):
            raise OSError(errno.EEXIST, os.strerror(errno.EEXIST))
        with socket.socket(socket.AF_UNIX) as client:
            if client.connect_ex(str(path)) != errno.ECONNREFUSED:
                raise OSError(errno.EADDRINUSE, os.strerror(errno.EADDRINUSE))
        path.unlink()


def listen(host: str, port: int) -> socket.socket:
    """A listening socket; port 0 lets the system choose one. Raises CannotListen."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        # A name that has addresses of both families means the one that everybody has.
        family, kind, protocol, _, address = min(found, key=lambda each: each[0] != socket.AF_INET)
        listener = socket.socket(family, kind, protocol)
    except OSError as error:
        raise CannotListen(error) from error
    try:
        # Or a restart would have to wait for the last connections to be forgotten.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        # Whatever is accepted here has it, too.
        if hasattr(socket, "TCP_NOTSENT_LOWAT"):
            listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, UNSENT_BYTES)
        listener.bind(address)
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        raise CannotListen(error) from error
    return listener
