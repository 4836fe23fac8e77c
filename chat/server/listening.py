from __future__ import annotations

import errno
import os
import socket
import stat
from contextlib import suppress
from pathlib import Path
from typing import Final

# Connections waiting to be accepted: after a restart all clients may reconnect at once.
BACKLOG: Final = 2048
# Unsent bytes that the kernel buffers per connection. Its default is up to 4 MB for each stalled client: memory that
# belongs to no process but counts towards the container's limit.
UNSENT_BYTES: Final = 64 * 1024


class CannotListen(Exception):
    """The address is not available. `in_use`: another process has it."""

    def __init__(self, error: OSError) -> None:
        super().__init__(error.strerror or str(error))
        self.in_use = error.errno == errno.EADDRINUSE


# Like a local port: anyone who can reach the directory may connect.
SOCKET_MODE: Final = 0o666


def listen_unix(path: Path) -> socket.socket:
    """A listening Unix socket. Replaces a stale one that nothing listens on. Raises CannotListen."""
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
    """Raises OSError if something listens there, or if the path is not a socket."""
    with suppress(FileNotFoundError):
        if not stat.S_ISSOCK(path.stat().st_mode):
            raise OSError(errno.EEXIST, os.strerror(errno.EEXIST))
        with socket.socket(socket.AF_UNIX) as client:
            if client.connect_ex(str(path)) != errno.ECONNREFUSED:
                raise OSError(errno.EADDRINUSE, os.strerror(errno.EADDRINUSE))
        path.unlink()


def listen(host: str, port: int) -> socket.socket:
    """A listening socket; port 0 lets the system choose a free port. Raises CannotListen."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        # Prefer IPv4 for a name with addresses of both families: every client has it.
        family, kind, protocol, _, address = min(found, key=lambda each: each[0] != socket.AF_INET)
        listener = socket.socket(family, kind, protocol)
    except OSError as error:
        raise CannotListen(error) from error
    try:
        # Otherwise a restart would have to wait for old connections to leave TIME_WAIT.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        # Accepted connections inherit this.
        if hasattr(socket, "TCP_NOTSENT_LOWAT"):
            listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, UNSENT_BYTES)
        listener.bind(address)
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        raise CannotListen(error) from error
    return listener
