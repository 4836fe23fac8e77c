from __future__ import annotations

import re
import unicodedata
from typing import Any, Final

from django.contrib.auth.models import AbstractUser
from django.core.exceptions import ValidationError
from django.core.validators import RegexValidator
from django.db import models
from django.db.models import Case, F, Q, When
from django.utils import timezone
from django.utils.deconstruct import deconstructible
from django.utils.translation import gettext_lazy as _

DISPLAY_NAME_LENGTH: Final = 60
# Several accounts can have the same address (see `User.named_by`); nobody has more than this.
ACCOUNTS_PER_ADDRESS: Final = 10


class OwnerGone(Exception):
    """The account to save something for has been deleted."""


@deconstructible
class UsernameValidator(RegexValidator):
    """Usernames that cannot equal an email address: no "@", and in the Unicode form that people type (NFKC)."""

    regex = r"^[\w.+-]+\Z"
    message = _("A username may contain only letters, digits and . + - _, but no @, which marks an email address.")
    flags = re.UNICODE

    def __call__(self, value: Any) -> None:
        super().__call__(value)
        if unicodedata.normalize("NFKC", value) != value:
            raise ValidationError(self.message, code=self.code, params={"value": value})


def check_display_name(value: str) -> None:
    """Reject invisible characters and those that change the direction of the text around the name."""
    if any(unicodedata.category(character) in {"Cc", "Cf", "Cs", "Co", "Zl", "Zp"} for character in value):
        raise ValidationError(_("A name must not contain invisible characters or line breaks."), code="invisible")


class User(AbstractUser):
    """A user. A custom model from the start, because one cannot be swapped in later."""

    username = models.CharField(
        _("username"),
        max_length=150,
        unique=True,
        help_text=_("150 characters or fewer. Letters, digits and . + - _ only."),
        validators=[UsernameValidator()],
        error_messages={"unique": _("A user with that username already exists.")},
    )
    display_name = models.CharField(
        _("display name"),
        max_length=DISPLAY_NAME_LENGTH,
        blank=True,
        help_text=_("Shown instead of the username. Not used to sign in."),
        validators=[check_display_name],
    )
    # When this account got its address: the account that had an address first signs in with it.
    email_since = models.DateTimeField(_("email address since"), default=timezone.now, editable=False)

    @property
    def shown_name(self) -> str:
        return self.display_name or self.username

    def set_address(self, email: str) -> None:
        self.email, self.email_since = email, timezone.now()
        self.save(update_fields=["email", "email_since"])

    @classmethod
    def named_by(cls, login: str) -> User | None:
        """The one account that this username or email address signs in to. Case-insensitive.

        Usernames of new accounts contain no "@", so none is an address. If several accounts match (a shared address,
        or an older username that is another account's address), it is the active one that had the name first, so that
        a later account or a later change of address cannot take over a sign-in.
        """
        if "@" in login:
            return next(iter(cls._in_order(Q(email__iexact=login) | Q(username__iexact=login), login)), None)
        named = cls._in_order(Q(username__iexact=login), login)
        return next((user for user in named if user.username == login), next(iter(named), None))

    @classmethod
    def with_address(cls, address: str) -> list[User]:
        """The active accounts with this address, earliest first, at most ACCOUNTS_PER_ADDRESS."""
        if not address:
            return []
        found = cls._in_order(Q(email__iexact=address, is_active=True), address)
        return [user for user in found if user.email.lower() == address.lower()]

    @classmethod
    def _in_order(cls, condition: Q, login: str) -> list[User]:
        """Matches are compared again in Python: databases disagree about the case of letters."""
        since = Case(When(username__iexact=login, then=F("date_joined")), default=F("email_since"))
        order = ("-is_active", since, "pk") if "@" in login else ("-is_active", "pk")
        found = cls.objects.filter(condition).order_by(*order)[:ACCOUNTS_PER_ADDRESS]
        return [user for user in found if login.lower() in {user.username.lower(), user.email.lower()}]
