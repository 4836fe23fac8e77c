"""The tools that an assistant offers its model."""

from __future__ import annotations

from typing import Final

from chat.generation.tools_choice import USUAL, ToolsChoice
from chat.models import Assistant
from chat.tools.base import Tool
from chat.tools.registry import Registry

ALLOW: Final = "allow"
# A call of these ends the run and waits for the person.
_WAITING: Final = frozenset({"builtin:ask_person"})


def is_offered(tool: Tool) -> bool:
    """Whether assistants can be given this tool."""
    return tool.key not in _WAITING


def tools_of(assistant: Assistant, registry: Registry, choice: ToolsChoice = USUAL) -> Registry:
    """The tools switched on for it, if its model can use any. Those that do not exist any more are left out.

    `choice`: with tools off, there are none.
    """
    if not choice.on or not assistant.tools or assistant.ability("can_use_tools") is False:
        return Registry(())
    allowed = [key for key, mode in assistant.tools.items() if mode == ALLOW]
    return registry.only([key for key in allowed if (tool := registry.get(key)) and is_offered(tool)])
