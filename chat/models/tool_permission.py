"""Tools that a person has allowed for a conversation: they run without asking again."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any, ClassVar

from django.db import models
from django.utils import timezone

from chat.models.conversation import Conversation
from chat.models.side_effect import TOOL_CHARACTERS


class ToolPermissionQuerySet(models.QuerySet["ToolPermission"]):
    def grant(self, conversation_id: uuid.UUID, tools: Mapping[str, str]) -> None:
        """`tools`: the hash of the definition, by key."""
        for tool, definition in tools.items():
            made = {"definition": definition, "granted_at": timezone.now()}
            self.update_or_create(conversation_id=conversation_id, tool=tool, defaults=made)

    def of(self, conversation_id: uuid.UUID) -> dict[str, str]:
        """The hash of the definition that is allowed in this conversation, by the tool's key."""
        return dict(self.filter(conversation_id=conversation_id).values_list("tool", "definition"))


class ToolPermission(models.Model):
    """`definition`: Tool.definition_hash. A tool that has changed since needs a new permission."""

    conversation = models.ForeignKey(Conversation, on_delete=models.CASCADE, related_name="tool_permissions")
    tool = models.CharField(max_length=TOOL_CHARACTERS)
    definition = models.CharField(max_length=64)
    granted_at = models.DateTimeField(default=timezone.now)

    objects: ClassVar[Any] = ToolPermissionQuerySet.as_manager()

    class Meta:
        constraints = (models.UniqueConstraint(fields=["conversation", "tool"], name="one_permission_of_a_tool"),)

    def __str__(self) -> str:
        return f"{self.tool} in {self.conversation_id}"
