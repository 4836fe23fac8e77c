"""The tools that an assistant offers its model."""

from __future__ import annotations

from typing import Final

from chat.generation.tools_choice import USUAL, ToolsChoice
from chat.models import Assistant
from chat.tools.registry import Registry

ALLOW: Final = "allow"
ASK: Final = "ask"
MODES: Final = (ALLOW, ASK)


def tools_of(assistant: Assistant, registry: Registry, choice: ToolsChoice = USUAL) -> Registry:
    """The tools switched on for it, if its model can use any. Those that do not exist any more are left out.

    `choice`: with tools off, there are none.
    """
    if not choice.on or not assistant.tools or assistant.ability("can_use_tools") is False:
        return Registry(())
    return registry.only([key for key, mode in assistant.tools.items() if mode in MODES])


def asking(assistant: Assistant, tools: Registry) -> frozenset[str]:
    """The keys of those of `tools` that a person is asked about before each call."""
    return frozenset(tool.key for tool in tools if assistant.tools.get(tool.key) == ASK)
