from __future__ import annotations

import uuid

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _


class Message(models.Model):
    """A user's question or an assistant's answer. Immutable once written."""

    class Role(models.TextChoices):
        USER = "user", _("User")
        ASSISTANT = "assistant", _("Assistant")

    class Status(models.TextChoices):
        COMPLETED = "completed"
        STOPPED = "stopped"
        # Until a person has decided; then another answer, which continues this one, goes on.
        WAITING = "waiting"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    conversation = models.ForeignKey("chat.Conversation", on_delete=models.CASCADE, related_name="messages")
    # Duplicates the conversation's owner: the idempotency key is unique per owner, not per conversation.
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="messages")
    parent = models.ForeignKey("self", null=True, blank=True, on_delete=models.CASCADE, related_name="children")
    # The incomplete answer that this one continues. This text begins with that one's.
    continues = models.ForeignKey(
        "self", null=True, blank=True, on_delete=models.SET_NULL, related_name="continued_by"
    )
    role = models.CharField(max_length=10, choices=Role.choices)
    text = models.TextField(blank=True)
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.COMPLETED)
    finish_reason = models.CharField(max_length=20, blank=True)
    assistant = models.ForeignKey(
        "chat.Assistant", null=True, blank=True, on_delete=models.SET_NULL, related_name="messages"
    )
    model = models.CharField(max_length=200, blank=True)
    input_tokens = models.PositiveIntegerField(null=True, blank=True)
    output_tokens = models.PositiveIntegerField(null=True, blank=True)
    ttft_ms = models.PositiveIntegerField("time to first token (ms)", null=True, blank=True)
    duration_ms = models.PositiveIntegerField("duration (ms)", null=True, blank=True)
    run_id = models.UUIDField(null=True, blank=True, unique=True, editable=False)
    client_message_id = models.UUIDField(null=True, blank=True, editable=False)
    # Whether `steps` has any: most answers have none, and need not be asked. Nullable, because for any other column
    # SQLite rebuilds the table, which drops the triggers of the search index.
    has_steps = models.BooleanField(null=True, editable=False)
    # What of the conversation the model had not read (chat.protocol.event_data.Context). Null: it had read all of it.
    context = models.JSONField(null=True, blank=True, editable=False)
    # The ids of the calls that a person decides on. Null: none.
    pending = models.JSONField(null=True, blank=True, editable=False)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        ordering = ("created_at", "id")
        indexes = (models.Index(fields=["conversation", "-created_at", "-id"], name="message_newest"),)
        constraints = (
            models.UniqueConstraint(fields=["owner", "client_message_id"], name="one_turn_per_client_message_id"),
        )

    def __str__(self) -> str:
        return f"{self.role} {self.id}"
