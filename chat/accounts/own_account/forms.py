"""Forms of the account page. Changes that could outlast a stolen session require the password."""

from __future__ import annotations

import unicodedata
from datetime import timedelta
from typing import Any, ClassVar, Final

from allauth.account.adapter import get_adapter
from allauth.account.fields import EmailField, PasswordField
from django import forms
from django.core.exceptions import ValidationError
from django.core.validators import MaxLengthValidator
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from chat.accounts.limits import LOGIN_CHARACTERS, PASSWORD_CHARACTERS
from chat.models import ApiToken, User
from chat.models.api_token import NAME_LENGTH, TOKENS_PER_USER

NEVER: Final = "never"
LIFETIMES: Final = (
    ("30", _("30 days")),
    ("90", _("90 days")),
    ("365", _("1 year")),
    (NEVER, _("Never")),
)


class NameForm(forms.ModelForm):  # type: ignore[type-arg]
    class Meta:
        model = User
        fields = ("display_name",)
        widgets: ClassVar = {"display_name": forms.TextInput({"autocomplete": "nickname", "dir": "auto"})}

    def clean_display_name(self) -> str:
        """Normalize Unicode and whitespace."""
        name: str = self.cleaned_data["display_name"]
        return " ".join(unicodedata.normalize("NFC", name).split())


class PasswordedForm(forms.Form):
    """A form that requires the password. Wrong passwords count like those on the sign-in page."""

    password = PasswordField(label=_("Your password"), autocomplete="current-password")

    def __init__(self, user: User, *args: Any, **kwargs: Any) -> None:
        self.user = user
        super().__init__(*args, **kwargs)
        self.fields["password"].validators.append(MaxLengthValidator(PASSWORD_CHARACTERS))

    def clean(self) -> dict[str, Any]:
        """Check the password last: an otherwise invalid form costs no hash and does not count as an attempt."""
        entered = super().clean() or {}
        if not self.errors and not get_adapter().reauthenticate(self.user, entered["password"]):
            self.add_error("password", get_adapter().validation_error("incorrect_password"))
        return entered


class AddressForm(PasswordedForm):
    email = EmailField(required=False, max_length=LOGIN_CHARACTERS)
    field_order = ("email", "password")

    def __init__(self, user: User, *args: Any, **kwargs: Any) -> None:
        super().__init__(user, *args, initial={"email": user.email}, **kwargs)
        if user.email:
            self.fields["email"].help_text = _("Leave empty to remove the address.")

    def clean_email(self) -> str:
        email: str = self.cleaned_data["email"].strip()
        if email.lower() == self.user.email.lower():
            raise ValidationError(_("This is already your address."))
        return email


class TokenForm(PasswordedForm):
    name = forms.CharField(label=_("What is it for?"), max_length=NAME_LENGTH, widget=forms.TextInput({"dir": "auto"}))
    lifetime = forms.ChoiceField(label=_("Expires"), choices=LIFETIMES, initial="90")
    field_order = ("name", "lifetime", "password")

    def clean(self) -> dict[str, Any]:
        if ApiToken.objects.valid().filter(owner=self.user).count() >= TOKENS_PER_USER:
            said = ngettext(
                "You already have %(limit)d token. Revoke it first.",
                "You already have %(limit)d tokens. Revoke one first.",
                TOKENS_PER_USER,
            )
            self.add_error("name", ValidationError(said, params={"limit": TOKENS_PER_USER}))
        return super().clean()

    def issue(self) -> tuple[ApiToken, str]:
        days = self.cleaned_data["lifetime"]
        expires_at = None if days == NEVER else timezone.now() + timedelta(days=int(days))
        issued: tuple[ApiToken, str] = ApiToken.objects.issue(
            self.user, self.cleaned_data["name"], expires_at=expires_at
        )
        return issued


class DeletionForm(PasswordedForm):
    """Asks for the password only."""
