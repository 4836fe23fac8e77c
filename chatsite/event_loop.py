"""The event loop of `manage.py serve`: uvloop, if installed."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module


def choose(arguments: Sequence[str]) -> bool:
    """Install uvloop if available; return whether it is used. Call this before Daphne's import, which sets a loop."""
    if list(arguments[1:2]) != ["serve"]:
        return False
    try:
        uvloop = import_module("uvloop")
    except ImportError:
        return False
    from twisted.internet import asyncioreactor

    asyncioreactor.install(uvloop.new_event_loop())
    return True
