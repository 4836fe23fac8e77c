"""Which tools of a run ask a person first, and what the person has decided."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from uuid import UUID

from chat.generation.replies import Reply
from chat.generation.toolbox import asking
from chat.models import Assistant, ToolPermission
from chat.tools.base import Tool
from chat.tools.registry import Registry


@dataclass(frozen=True, slots=True)
class Permissions:
    """`asking`: keys of the tools that ask. `replies`: by call id, to what the answer waited for."""

    asking: frozenset[str] = frozenset()
    replies: Mapping[str, Reply] = field(default_factory=dict)

    def asks(self, tool: Tool) -> bool:
        return tool.key in self.asking


def asking_in(
    assistant: Assistant, tools: Registry, conversation_id: UUID | None, *, permitted: Mapping[str, str] | None = None
) -> frozenset[str]:
    """The keys of those of `tools` that need a permission in this conversation, and do not have it yet.

    `permitted`: those that get it now, with the hashes of their definitions.
    """
    keys = asking(assistant, tools)
    if not keys or conversation_id is None:
        return keys
    known = {**ToolPermission.objects.of(conversation_id), **(permitted or {})}
    return frozenset(tool.key for tool in tools if tool.key in keys and known.get(tool.key) != tool.definition_hash)
