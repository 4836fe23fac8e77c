"""A turn: a person's message and its answer, written together or not at all."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime

from django.db import IntegrityError, transaction
from django.utils import timezone

from chat.models.assistant import Assistant
from chat.models.conversation import Conversation
from chat.models.message import Message


@dataclass(frozen=True, slots=True)
class Turn:
    """A finished turn. The ids are made before it is written, so that writing it again is the same turn."""

    run_id: str
    client_message_id: str
    owner_id: int
    conversation_id: str
    title: str
    assistant_slug: str
    model: str
    parent_id: str | None
    user_message_id: str
    user_text: str
    asked_at: datetime
    message_id: str
    text: str
    status: str
    finish_reason: str
    input_tokens: int | None
    output_tokens: int | None
    ttft_ms: int | None
    duration_ms: int

    def save(self) -> Message:
        """Write both messages in one transaction and return the answer.

        Saving a turn that is there already, by run id or by client message id, changes nothing and returns what is
        there. Raises django.db.Error; then nothing has been written.
        """
        try:
            with transaction.atomic():
                return self._write()
        except IntegrityError:
            saved = self._saved()
            if saved is None:
                raise
            return saved

    def _write(self) -> Message:
        assistant = Assistant.objects.filter(slug=self.assistant_slug).first()
        conversation, _ = Conversation.objects.get_or_create(
            pk=self.conversation_id,
            owner_id=self.owner_id,
            defaults={"title": self.title, "assistant": assistant, "created_at": self.asked_at},
        )
        question = Message.objects.create(
            id=uuid.UUID(self.user_message_id),
            conversation=conversation,
            owner_id=self.owner_id,
            parent=self._parent(conversation),
            role=Message.Role.USER,
            text=self.user_text,
            client_message_id=self.client_message_id,
            created_at=self.asked_at,
        )
        answer = Message.objects.create(
            id=uuid.UUID(self.message_id),
            conversation=conversation,
            owner_id=self.owner_id,
            parent=question,
            role=Message.Role.ASSISTANT,
            text=self.text,
            status=self.status,
            finish_reason=self.finish_reason,
            assistant=assistant,
            model=self.model,
            input_tokens=self.input_tokens,
            output_tokens=self.output_tokens,
            ttft_ms=self.ttft_ms,
            duration_ms=self.duration_ms,
            run_id=self.run_id,
        )
        conversation.active_leaf = answer
        conversation.assistant = assistant
        conversation.is_unread = True
        conversation.updated_at = timezone.now()
        conversation.save(update_fields=["active_leaf", "assistant", "is_unread", "updated_at"])
        return answer

    def _parent(self, conversation: Conversation) -> Message | None:
        """The parent may have been deleted for good while the answer was streaming; the turn is kept all the same."""
        return conversation.messages.filter(pk=self.parent_id).first() if self.parent_id else None

    def _saved(self) -> Message | None:
        answers = Message.objects.filter(owner_id=self.owner_id, role=Message.Role.ASSISTANT)
        return (
            answers.filter(run_id=self.run_id).first()
            or answers.filter(parent__client_message_id=self.client_message_id).first()
        )
