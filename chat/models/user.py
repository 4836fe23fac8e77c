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
# More than one account can have an address (see `User.named_by`); nobody's own go beyond this.
ACCOUNTS_PER_ADDRESS: Final = 10


class OwnerGone(Exception):
    """The account that something is to be saved for has been deleted."""


@deconstructible
class UsernameValidator(RegexValidator):
    """Names that no address can equal: without "@", and in the one form of Unicode that people can type (NFKC)."""

    regex = r"^[\w.+-]+\Z"
    message = _("A username may contain only letters, digits and . + - _, but no @, which marks an email address.")
    flags = re.UNICODE

    def __call__(self, value: Any) -> None:
        super().__call__(value)
        if unicodedata.normalize("NFKC", value) != value:
            raise ValidationError(self.message, code=self.code, params={"value": value})


def check_display_name(value: str) -> None:
    """Nothing that is invisible, or that turns the text around it: what is shown is the name and no more."""
    if any(unicodedata.category(character) in {"Cc", "Cf", "Cs", "Co", "Zl", "Zp"} for character in value):
        raise ValidationError(_("A name must not contain invisible characters or line breaks."), code="invisible")


class User(AbstractUser):
    """A person with an account. A model of our own from the start: it cannot be put in later."""

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
    # Since when the address is this account's: the first that has one logs in by it.
    email_since = models.DateTimeField(_("email address since"), default=timezone.now, editable=False)

    @property
    def shown_name(self) -> str:
        return self.display_name or self.username

    def set_address(self, email: str) -> None:
        self.email, self.email_since = email, timezone.now()
        self.save(update_fields=["email", "email_since"])

    @classmethod
    def named_by(cls, login: str) -> User | None:
        """The one account that this username or address logs into. Upper and lower case are the same.

        Names of new accounts hold no "@", so no name is an address. Where several could be meant (an address that was
        given twice, an older name that is another's address) it is the one that can log in and had it first: nobody
        who comes later, or changes an address later, takes a login over.
        """
        if "@" in login:
            return next(iter(cls._in_order(Q(email__iexact=login) | Q(username__iexact=login), login)), None)
        named = cls._in_order(Q(username__iexact=login), login)
        return next((user for user in named if user.username == login), next(iter(named), None))

    @classmethod
    def with_address(cls, address: str) -> list[User]:
        """The accounts that can log in and have this address, who had it first first, ACCOUNTS_PER_ADDRESS at most."""
        if not address:
            return []
        found = cls._in_order(Q(email__iexact=address, is_active=True), address)
        return [user for user in found if user.email.lower() == address.lower()]

    @classmethod
    def _in_order(cls, condition: Q, login: str) -> list[User]:
        """Compared once more here: databases do not agree on what upper and lower case of a letter are."""
        since = Case(When(username__iexact=login, then=F("date_joined")), default=F("email_since"))
        order = ("-is_active", since, "pk") if "@" in login else ("-is_active", "pk")
        found = cls.objects.filter(condition).order_by(*order)[:ACCOUNTS_PER_ADDRESS]
        return [user for user in found if login.lower() in {user.username.lower(), user.email.lower()}]
