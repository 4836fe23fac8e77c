from __future__ import annotations

import hashlib
import secrets
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, ClassVar, Final

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from chat.models.prepared import A_MOMENT, A_TEXT, Prepared

if TYPE_CHECKING:
    from chat.models.user import User

PREFIX: Final = "chat_"
SHOWN_CHARACTERS: Final = 10
NAME_LENGTH: Final = 100
# Counts valid tokens only.
TOKENS_PER_USER: Final = 20
# `last_used_at` only shows whether a token is still in use; that is not worth a write per request.
LAST_USED_EVERY: Final = timedelta(minutes=5)


class ApiTokenQuerySet(models.QuerySet["ApiToken"]):
    def issue(self, owner: User, name: str = "", *, expires_at: datetime | None = None) -> tuple[ApiToken, str]:
        """Create a token and return it with its secret. The database keeps only a hash of the secret."""
        secret = PREFIX + secrets.token_urlsafe(32)
        token = self.create(
            owner=owner, name=name, prefix=secret[:SHOWN_CHARACTERS], digest=digest(secret), expires_at=expires_at
        )
        return token, secret

    def valid(self, now: datetime | None = None) -> ApiTokenQuerySet:
        """Tokens that are neither revoked nor expired."""
        return self.filter(Q(expires_at=None) | Q(expires_at__gt=now or timezone.now()), revoked_at=None)

    def for_secret(self, secret: str) -> ApiToken | None:
        """The token with this secret, if it is valid and its owner's account is active."""
        return _OF_SECRET.first(digest(secret), timezone.now())


class ApiToken(models.Model):
    """Lets a program act as its owner: `Authorization: Bearer <secret>`."""

    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, verbose_name=_("owner"), on_delete=models.CASCADE, related_name="api_tokens"
    )
    name = models.CharField(_("name"), max_length=NAME_LENGTH, blank=True, help_text=_("What the token is for."))
    prefix = models.CharField(_("prefix"), max_length=SHOWN_CHARACTERS, editable=False)
    digest = models.CharField(_("hash"), max_length=64, unique=True, editable=False)
    created_at = models.DateTimeField(_("created at"), default=timezone.now, editable=False)
    expires_at = models.DateTimeField(_("expires at"), null=True, blank=True, editable=False)
    last_used_at = models.DateTimeField(_("last used at"), null=True, blank=True, editable=False)
    revoked_at = models.DateTimeField(_("revoked at"), null=True, blank=True, editable=False)

    objects: ClassVar[Any] = ApiTokenQuerySet.as_manager()

    class Meta:
        ordering = ("-created_at",)
        verbose_name = _("API token")
        verbose_name_plural = _("API tokens")

    def __str__(self) -> str:
        return f"{self.prefix}…"

    def revoke(self) -> None:
        self.revoked_at = self.revoked_at or timezone.now()
        self.save(update_fields=["revoked_at"])

    @property
    def use_is_news(self) -> bool:
        return self.last_used_at is None or timezone.now() - self.last_used_at > LAST_USED_EVERY

    def was_used(self) -> None:
        if self.use_is_news:
            ApiToken.objects.filter(pk=self.pk).update(last_used_at=timezone.now())


_OF_SECRET: Final = Prepared(
    lambda secret_digest, now: (
        ApiToken.objects.valid(now).filter(digest=secret_digest, owner__is_active=True).select_related("owner")
    ),
    A_TEXT,
    A_MOMENT,
)


def digest(secret: str) -> str:
    """The SHA-256 of a secret. A fast hash is enough: the secret is 256 random bits, not a guessable password."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()
