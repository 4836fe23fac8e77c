from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import Any, ClassVar, Final

from django.conf import settings
from django.db import IntegrityError, connection, models, transaction
from django.db.models import Exists, OuterRef
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from chat.models.conversation import Conversation
from chat.models.message import Message
from chat.models.prepared import adapted
from chat.models.sizes import Bytes
from chat.models.user import OwnerGone, User
from chat.protocol.objects import TITLE_LENGTH
from chat.protocol.untrusted_input import clean

# Limits per user, because the list is sent and parsed in one piece. Beyond either, the oldest are deleted.
MOST: Final = 50
MOST_BYTES: Final = 1024 * 1024
LONGEST_REASON: Final = 1000


_SETTLE: Final = """
DELETE FROM chat_unansweredquestion
WHERE owner_id = %s
  AND (client_message_id = %s OR conversation_id = %s AND text = %s AND (parent_id = %s OR parent_id IS NULL AND %s))
"""


@dataclass(frozen=True, slots=True)
class Asked:
    """The question of a run. Ids are UUID text. `tools_on`: as in a Turn."""

    run_id: str
    client_message_id: str
    owner_id: int
    conversation_id: str
    parent_id: str | None
    title: str
    text: str
    assistant_slug: str
    model: str
    tools_on: bool | None = None


@dataclass(frozen=True, slots=True)
class Reason:
    """Why there is no answer: the fields of the run's `error` event."""

    code: str
    message: str
    retryable: bool


class UnansweredQuestionQuerySet(models.QuerySet["UnansweredQuestion"]):
    def kept(self) -> UnansweredQuestionQuerySet:
        """Questions whose conversation is not deleted. Most have no conversation yet."""
        deleted = Conversation.objects.exclude(deleted_at=None)
        return self.exclude(conversation_id__in=deleted.values("pk"))

    def of(self, owner_id: int) -> list[UnansweredQuestion]:
        """A user's questions, newest first, without texts. `is_first`: nothing in the conversation is answered yet."""
        rows = Conversation.objects.filter(pk=OuterRef("conversation_id"))
        return list(self.kept().filter(owner_id=owner_id).defer("text").annotate(is_first=~Exists(rows)))

    def tools_of(self, conversation_id: str) -> bool | None:
        """What the newest of them chose for the tools of this conversation, None if none did."""
        chose = self.filter(conversation_id=conversation_id).exclude(tools_on=None)
        newest: bool | None = chose.values_list("tools_on", flat=True).first()
        return newest

    def keep(self, asked: Asked, reason: Reason) -> None:
        """Save a question, replacing an earlier failure of the same question. Skips one that is saved as a message.

        Raises OwnerGone or django.db.Error; then nothing has changed.
        """
        try:
            with transaction.atomic():
                self._keep(asked, reason)
        except IntegrityError:
            if not User.objects.filter(pk=asked.owner_id).exists():
                raise OwnerGone from None
            raise

    def _keep(self, asked: Asked, reason: Reason) -> None:
        self.settle(asked)
        if Message.objects.filter(owner_id=asked.owner_id, client_message_id=asked.client_message_id).exists():
            return
        self.create(
            run_id=asked.run_id,
            client_message_id=asked.client_message_id,
            owner_id=asked.owner_id,
            conversation_id=asked.conversation_id,
            parent_id=asked.parent_id,
            title=clean(asked.title)[:TITLE_LENGTH],
            text=asked.text,
            assistant=asked.assistant_slug,
            model=asked.model,
            code=reason.code,
            message=clean(reason.message)[:LONGEST_REASON],
            retryable=reason.retryable,
            tools_on=asked.tools_on,
        )
        self._prune(asked.owner_id)

    def settle(self, asked: Asked) -> int:
        """Delete an answered question. Returns how many rows it had."""
        ids = [uuid.UUID(asked.client_message_id), uuid.UUID(asked.conversation_id)]
        parent_id = adapted(uuid.UUID(asked.parent_id)) if asked.parent_id else None
        with connection.cursor() as cursor:
            # Raw SQL, because every turn runs it, nearly always with no match.
            cursor.execute(_SETTLE, [asked.owner_id, *map(adapted, ids), asked.text, parent_id, parent_id is None])
            return int(cursor.rowcount)

    def _prune(self, owner_id: int) -> None:
        """Enforce the limits. The newest question always stays, however long."""
        newest = self.filter(owner_id=owner_id).order_by("-failed_at", "-pk").values_list("pk", Bytes("text"))
        room, surplus = MOST_BYTES, []
        for count, (pk, size) in enumerate(newest):
            room -= size
            if count and (count >= MOST or room < 0):
                surplus.append(pk)
        if surplus:
            self.filter(pk__in=surplus).delete()


class UnansweredQuestion(models.Model):
    """The question of a failed run, for its owner to retry or dismiss. Contains nothing of the answer.

    Kept outside the message tables, which hold complete turns only. Deleted when the same question is answered or
    dismissed, and with its conversation or its owner.
    """

    run_id = models.UUIDField(primary_key=True, editable=False)
    client_message_id = models.UUIDField(editable=False)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="unanswered")
    # No constraint: a conversation has no row before its first answer.
    conversation = models.ForeignKey(
        "chat.Conversation", on_delete=models.CASCADE, db_constraint=False, related_name="unanswered"
    )
    # The answer that it follows. Not a foreign key: that answer is deleted only with the conversation.
    parent_id = models.UUIDField(null=True, blank=True, editable=False)
    title = models.CharField(max_length=TITLE_LENGTH, blank=True)
    text = models.TextField()
    assistant = models.CharField(max_length=120, blank=True)
    model = models.CharField(max_length=200, blank=True)
    code = models.CharField(max_length=40)
    message = models.CharField(max_length=LONGEST_REASON, blank=True)
    retryable = models.BooleanField(default=True)
    # What its message chose for the conversation.
    tools_on = models.BooleanField(null=True, blank=True, editable=False)
    failed_at = models.DateTimeField(default=timezone.now, editable=False)

    objects: ClassVar[Any] = UnansweredQuestionQuerySet.as_manager()

    class Meta:
        verbose_name = _("unanswered question")
        verbose_name_plural = _("unanswered questions")
        ordering = ("-failed_at", "-run_id")
        indexes = (models.Index(fields=["owner", "-failed_at"], name="unanswered_newest"),)

    def __str__(self) -> str:
        return f"question of run {self.run_id}"
