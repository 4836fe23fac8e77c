from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, ClassVar, Final

from django.conf import settings
from django.contrib.sessions.models import Session
from django.db import models
from django.db.models import Exists, OuterRef
from django.utils import timezone

if TYPE_CHECKING:
    from chat.models.user import User

AGENT_LENGTH: Final = 300
# `last_seen_at` only shows whether a session is still in use; that is not worth a write per request.
SEEN_EVERY: Final = timedelta(minutes=5)
ENDED_AT_ONCE: Final = 500


class SignInQuerySet(models.QuerySet["SignIn"]):
    def live(self) -> SignInQuerySet:
        """Sign-ins with a live session. Signing out deletes only the session."""
        return self.filter(_session(expire_date__gt=timezone.now()))

    def end(self) -> int:
        """Sign them out, which also closes their open connections. Returns their number."""
        keys = list(self.values_list("session_key", flat=True))
        Session.objects.filter(session_key__in=keys).delete()
        self.model.objects.filter(session_key__in=keys).delete()
        return len(keys)

    def purge(self) -> int:
        """Delete at most ENDED_AT_ONCE sign-ins that have no session. Returns their number."""
        ended = self.filter(~_session()).values_list("pk", flat=True)[:ENDED_AT_ONCE]
        deleted, _ = self.model.objects.filter(pk__in=list(ended)).delete()
        return deleted


class SignIn(models.Model):
    """A session as its owner sees it: browser, address and time of last use.

    Complements Django's Session, which stores none of this.
    """

    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="sign_ins")
    session_key = models.CharField(max_length=40, unique=True, editable=False)
    address = models.GenericIPAddressField(null=True, editable=False)
    user_agent = models.CharField(max_length=AGENT_LENGTH, blank=True, editable=False)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    last_seen_at = models.DateTimeField(default=timezone.now, editable=False)

    objects: ClassVar[Any] = SignInQuerySet.as_manager()

    class Meta:
        ordering = ("-last_seen_at", "-pk")

    def __str__(self) -> str:
        return f"sign-in {self.pk}"

    @classmethod
    def note(cls, owner: User, session_key: str, *, address: str | None, user_agent: str) -> None:
        """Record that the session is in use. Writes at most once per SEEN_EVERY."""
        now = timezone.now()
        seen = {"owner": owner, "address": address, "user_agent": user_agent[:AGENT_LENGTH], "last_seen_at": now}
        known = cls.objects.filter(session_key=session_key).first()
        if known is None or known.owner_id != owner.pk or now - known.last_seen_at > SEEN_EVERY:
            cls.objects.update_or_create(session_key=session_key, defaults=seen)


def _session(**conditions: Any) -> Exists:
    return Exists(Session.objects.filter(session_key=OuterRef("session_key"), **conditions))
