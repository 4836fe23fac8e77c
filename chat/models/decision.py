"""What a person has decided about the calls of a waiting message: the first decision counts."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any, ClassVar

from django.db import models, transaction
from django.utils import timezone

from chat.models.message import Message


class DecisionQuerySet(models.QuerySet["Decision"]):
    def record(
        self,
        message: Message,
        *,
        run_id: str,
        client_message_id: str,
        replies: Mapping[str, Mapping[str, Any]],
        instead_of: uuid.UUID | None = None,
    ) -> Decision:
        """Record a decision, and return the one that counts: perhaps an earlier one.

        `replies`: by call. `instead_of`: the lost run of an earlier decision, which this one replaces. Committed when
        it returns. Raises django.db.Error; then nothing is recorded.
        """
        made = {
            "run_id": uuid.UUID(run_id),
            "client_message_id": uuid.UUID(client_message_id),
            "replies": dict(replies),
            "decided_at": timezone.now(),
        }
        with transaction.atomic():
            decision, is_new = self.get_or_create(message=message, defaults=made)
            if not is_new and instead_of and self.filter(message=message, run_id=instead_of).update(**made):
                decision = self.get(message=message)
        return decision

    def withdraw(self, run_id: str) -> None:
        """Remove the decision whose run did not start."""
        self.filter(run_id=uuid.UUID(run_id)).delete()

    def of_run(self, message: Message, run_id: str) -> Decision | None:
        """The decision that this run executes; None if another one counts."""
        return self.filter(message=message, run_id=uuid.UUID(run_id)).first()


class Decision(models.Model):
    """`run_id`: the run that goes on with it. `replies`: chat.generation.replies.Reply by call id."""

    message = models.OneToOneField(Message, on_delete=models.CASCADE, related_name="decision")
    run_id = models.UUIDField(unique=True)
    client_message_id = models.UUIDField()
    replies = models.JSONField()
    decided_at = models.DateTimeField(default=timezone.now)

    objects: ClassVar[Any] = DecisionQuerySet.as_manager()

    def __str__(self) -> str:
        return f"decision on {self.message_id}"
