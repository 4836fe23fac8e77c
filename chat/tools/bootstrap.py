"""The tools of this process: its own, found from the settings on first use, and those of other servers."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from functools import cache
from typing import Any

from django.conf import settings

from chat.tools.base import Tool
from chat.tools.builtin.ask import ask_person
from chat.tools.builtin.calculator import calculator
from chat.tools.builtin.clock import current_time
from chat.tools.builtin.conversations import search_conversations
from chat.tools.builtin.fetch.policy import Policy
from chat.tools.builtin.fetch.tool import fetch_tool
from chat.tools.definitions import define
from chat.tools.loading import load
from chat.tools.registry import Registry

logger = logging.getLogger(__name__)

BUILTIN = (ask_person, calculator, current_time, search_conversations)


# With the tools of other servers, once there are any.
_all: Registry | None = None


def registry() -> Registry:
    """All tools as they are now. Never changes: where they come and go, there is another one.

    Raises nothing: what cannot be used is logged and left out.
    """
    return _all or _own()


def use_remote(tools: Iterable[Tool]) -> Registry:
    """Replace the tools of other servers by these. Returns all tools, which `registry` returns from now on."""
    global _all
    _all = Registry([*_own(), *tools])
    return _all


@cache
def _own() -> Registry:
    return build()


def build() -> Registry:
    found = load(settings.CHAT_TOOLS)
    for problem in found.problems:
        logger.warning("tools: %s %s", problem.message, problem.hint)
    functions: list[Callable[..., Any]] = [*BUILTIN, *_fetch_tools()]
    return Registry([*(define(function, source="builtin") for function in functions), *found.tools])


def fetch_policy() -> Policy:
    """Raises ValueError."""
    return Policy.parse(settings.CHAT_FETCH_HOSTS, settings.CHAT_FETCH_NETWORKS)


def _fetch_tools() -> list[Callable[..., Any]]:
    try:
        policy = fetch_policy()
    except ValueError as error:
        logger.warning("tools: pages cannot be read: %s", error)
        return []
    return [fetch_tool(policy)] if policy.rules else []
