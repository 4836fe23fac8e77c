from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any, ClassVar

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from chat.protocol.objects import TITLE_LENGTH


class ConversationQuerySet(models.QuerySet["Conversation"]):
    def kept(self) -> ConversationQuerySet:
        """Conversations that are not deleted."""
        return self.filter(deleted_at=None)

    def restorable(self) -> ConversationQuerySet:
        """Deleted conversations that the owner can still restore."""
        return self.filter(deleted_at__gt=timezone.now() - timedelta(seconds=settings.CHAT_UNDO_SECONDS))

    def purge(self) -> int:
        """Permanently delete conversations that can no longer be restored. Returns their number."""
        cutoff = timezone.now() - timedelta(seconds=settings.CHAT_UNDO_SECONDS)
        _, rows = self.filter(deleted_at__lte=cutoff).delete()
        return int(rows.get("chat.Conversation", 0))


class Conversation(models.Model):
    """A tree of messages. The page shows the path from the active leaf up to the root."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, verbose_name=_("owner"), on_delete=models.CASCADE, related_name="conversations"
    )
    title = models.CharField(_("title"), max_length=TITLE_LENGTH)
    is_named = models.BooleanField(_("named"), default=False, editable=False, help_text=_("A person chose the title."))
    assistant = models.ForeignKey(
        "chat.Assistant",
        verbose_name=_("assistant"),
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="conversations",
    )
    active_leaf = models.ForeignKey(
        "chat.Message",
        verbose_name=_("active leaf"),
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="+",
    )
    is_pinned = models.BooleanField(_("pinned"), default=False)
    is_archived = models.BooleanField(_("archived"), default=False)
    is_unread = models.BooleanField(
        _("unread"), default=False, help_text=_("Has an answer that its owner has not seen.")
    )
    # What its owner chose; None, like True: the model may use the tools of its assistant.
    tools_on = models.BooleanField(_("tools on"), null=True, blank=True, editable=False)
    created_at = models.DateTimeField(_("created at"), default=timezone.now, editable=False)
    updated_at = models.DateTimeField(_("updated at"), default=timezone.now, editable=False)
    deleted_at = models.DateTimeField(_("deleted at"), null=True, blank=True, editable=False)

    objects: ClassVar[Any] = ConversationQuerySet.as_manager()

    class Meta:
        verbose_name = _("conversation")
        verbose_name_plural = _("conversations")
        ordering = ("-updated_at", "-id")
        indexes = (models.Index(fields=["owner", "-updated_at", "-id"], name="conversation_newest"),)
        permissions = (("read_any_conversation", "Can read other people's conversations"),)

    def __str__(self) -> str:
        return self.title

    @property
    def has_tools_on(self) -> bool:
        return self.tools_on is not False

    def delete_softly(self) -> None:
        self.deleted_at = timezone.now()
        self.save(update_fields=["deleted_at"])

    def restore(self) -> None:
        self.deleted_at = None
        self.save(update_fields=["deleted_at"])
