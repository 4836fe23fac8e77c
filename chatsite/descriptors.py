"""The limit of file descriptors, which connections, files and databases use."""

from __future__ import annotations

import os
import resource
from contextlib import suppress
from typing import Final

# Reserved for existing connections: for their database calls and model requests.
RESERVE: Final = 64


def raise_limit() -> None:
    """Raise the soft limit to the hard limit. The soft limit is often 1024, for the sake of old programs."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def limit() -> int:
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return soft


def have_room() -> bool:
    """Whether a new connection would leave the reserve free: the system assigns the lowest free number."""
    try:
        descriptor = os.open(os.devnull, os.O_RDONLY)
    except OSError:
        return False
    os.close(descriptor)
    soft = limit()
    return soft == resource.RLIM_INFINITY or descriptor < soft - RESERVE
