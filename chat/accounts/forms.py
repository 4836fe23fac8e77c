"""Forms of django-allauth, adapted where they do too much or too little."""

from __future__ import annotations

from typing import Any

from allauth.account import forms
from allauth.account.adapter import get_adapter
from allauth.account.internal.flows.signup import send_unknown_account_mail
from allauth.account.utils import user_pk_to_url_str
from django.core.exceptions import ValidationError
from django.core.validators import MaxLengthValidator
from django.http import HttpRequest

from chat.accounts.limits import LOGIN_CHARACTERS, PASSWORD_CHARACTERS
from chat.models import User


class LinkUsed(Exception):
    """Another request has changed the password since this one began."""


class LoginForm(forms.LoginForm):  # type: ignore[misc]
    """Rejects overlong input before anything is looked up, counted or hashed."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # With both login methods, allauth sets "email", and password managers then do not offer usernames.
        self.fields["login"].widget.attrs["autocomplete"] = "username"
        for name, most in (("login", LOGIN_CHARACTERS), ("password", PASSWORD_CHARACTERS)):
            self.fields[name].validators.append(MaxLengthValidator(most))


class ReauthenticateForm(forms.ReauthenticateForm):  # type: ignore[misc]
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["password"].validators.append(MaxLengthValidator(PASSWORD_CHARACTERS))


class ChangePasswordForm(forms.ChangePasswordForm):  # type: ignore[misc]
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["oldpassword"].validators.append(MaxLengthValidator(PASSWORD_CHARACTERS))


class ResetPasswordForm(forms.ResetPasswordForm):  # type: ignore[misc]
    """Sends one mail per request, to known and unknown addresses, however many accounts an address has."""

    def clean_email(self) -> str:
        email: str = get_adapter().clean_email(self.cleaned_data["email"].lower())
        self.users = User.with_address(email)
        return email

    def save(self, request: HttpRequest, **kwargs: Any) -> str:
        email: str = self.cleaned_data["email"]
        if not self.users:
            send_unknown_account_mail(request, email)
            return email
        links = [
            {"username": user.username, "password_reset_url": _reset_url(user)}
            for user in self.users
        ]  # fmt: skip
        # To the stored address: the one typed may belong to someone else and only look the same.
        get_adapter().send_mail("account/email/password_reset_key", self.users[0].email, {"links": links})
        return email


class ResetPasswordKeyForm(forms.ResetPasswordKeyForm):  # type: ignore[misc]
    """A link changes a password only once, even if it is used twice concurrently."""

    def save(self) -> None:
        before = self.user.password
        self.user.set_password(self.cleaned_data["password1"])
        # The row count settles the race: the second request finds a different password.
        if not User.objects.filter(pk=self.user.pk, password=before).update(password=self.user.password):
            raise LinkUsed


class SignupForm(forms.SignupForm):  # type: ignore[misc]
    """Compares usernames in Python: a database may not fold the case of all letters."""

    def clean_username(self) -> str:
        username: str = super().clean_username()
        if User.named_by(username) is not None:
            raise ValidationError(get_adapter().error_messages["username_taken"])
        return username


def _reset_url(user: User) -> str:
    key = forms.default_token_generator.make_token(user)
    url: str = get_adapter().get_reset_password_from_key_url(f"{user_pk_to_url_str(user)}-{key}")
    return url
