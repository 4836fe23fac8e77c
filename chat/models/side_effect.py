"""Which tools with side effects have run: each is recorded before it runs, so that it never runs twice."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Mapping
from typing import Any, ClassVar, Final

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from chat.protocol.sse import dumps

TOOL_CHARACTERS: Final = 200
CALL_CHARACTERS: Final = 80


class SideEffectQuerySet(models.QuerySet["SideEffect"]):
    def begin(
        self,
        *,
        owner_id: int,
        client_message_id: str,
        run_id: str,
        call_id: str,
        tool: str,
        arguments: Mapping[str, Any],
    ) -> bool:
        """Record that this call is about to run. False if it was recorded before: it may have run already.

        Committed when it returns. Raises django.db.Error; then nothing may run.
        """
        _row, is_new = self.get_or_create(
            run_id=uuid.UUID(run_id),
            call_id=call_id[:CALL_CHARACTERS],
            defaults={
                "owner_id": owner_id,
                "client_message_id": uuid.UUID(client_message_id),
                "tool": tool[:TOOL_CHARACTERS],
                "digest": digest_of(arguments),
            },
        )
        return is_new

    def end(self, *, run_id: str, call_id: str, state: str) -> None:
        """Record how a call ended."""
        row = self.filter(run_id=uuid.UUID(run_id), call_id=call_id[:CALL_CHARACTERS])
        row.update(state=state, ended_at=timezone.now())


class SideEffect(models.Model):
    """One call of a tool with side effects. It stays when the conversation is deleted: it is the audit trail.

    `digest`: SHA-256 of the arguments, which may be private, as sorted JSON.
    """

    class State(models.TextChoices):
        RUNNING = "running", _("running")
        DONE = "done", _("done")
        FAILED = "failed", _("failed")
        UNKNOWN = "unknown", _("unknown")

    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="side_effects", verbose_name=_("owner")
    )
    client_message_id = models.UUIDField(_("client message id"))
    run_id = models.UUIDField(_("run"))
    call_id = models.CharField(_("call"), max_length=CALL_CHARACTERS)
    tool = models.CharField(_("tool"), max_length=TOOL_CHARACTERS)
    digest = models.CharField(_("digest of the arguments"), max_length=64)
    state = models.CharField(_("state"), max_length=10, choices=State.choices, default=State.RUNNING)
    began_at = models.DateTimeField(_("began"), default=timezone.now)
    ended_at = models.DateTimeField(_("ended"), null=True, blank=True)

    objects: ClassVar[Any] = SideEffectQuerySet.as_manager()

    class Meta:
        verbose_name = _("side effect")
        verbose_name_plural = _("side effects")
        ordering = ("-began_at", "-id")
        constraints = (models.UniqueConstraint(fields=["run_id", "call_id"], name="one_side_effect_of_a_call"),)

    def __str__(self) -> str:
        return f"{self.tool}, {self.began_at:%Y-%m-%d %H:%M}"


def digest_of(arguments: Mapping[str, Any]) -> str:
    text = dumps(dict(sorted(arguments.items())))
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()
