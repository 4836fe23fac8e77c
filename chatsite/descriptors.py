"""The table of file descriptors: each connection, each file and each database takes a place in it."""

from __future__ import annotations

import os
import resource
from contextlib import suppress
from typing import Final

# What is left for those who are here already: for their database calls, and for asking the model.
RESERVE: Final = 64


def raise_limit() -> None:
    """Let this process have as many as the system allows. Many systems begin with 1024, for programs of old."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def limit() -> int:
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return soft


def have_room() -> bool:
    """Whether a new connection would find a place beyond the reserve: the system gives the lowest free number."""
    try:
        descriptor = os.open(os.devnull, os.O_RDONLY)
    except OSError:
        return False
    os.close(descriptor)
    soft = limit()
    return soft == resource.RLIM_INFINITY or descriptor < soft - RESERVE
