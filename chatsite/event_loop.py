"""The event loop of `manage.py serve`: uvloop's, where that package is installed."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module


def choose(arguments: Sequence[str]) -> bool:
    """Whether uvloop was found and is used. Before Django starts: Daphne, when it is imported, takes what is there."""
    if list(arguments[1:2]) != ["serve"]:
        return False
    try:
        uvloop = import_module("uvloop")
    except ImportError:
        return False
    from twisted.internet import asyncioreactor

    asyncioreactor.install(uvloop.new_event_loop())
    return True
