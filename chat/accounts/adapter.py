"""Customizes django-allauth."""

from __future__ import annotations

import logging
import smtplib
from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any, Final
from urllib.parse import urlsplit

from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.views import PasswordResetFromKeyView as AllauthPasswordResetFromKeyView
from allauth.core import context
from allauth.core.exceptions import ImmediateHttpResponse
from django.conf import settings
from django.contrib.auth.hashers import make_password
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render, resolve_url
from django.utils.cache import add_never_cache_headers
from django.utils.translation import gettext_lazy as _
from django.views.decorators.debug import sensitive_variables

from chat import mail
from chat.accounts import limits
from chat.accounts.forms import LinkUsed
from chat.auth import first_run
from chat.auth.sign_in_watch import look_now
from chat.models import User
from chatsite.addresses import origin

logger = logging.getLogger(__name__)

View = Callable[..., HttpResponseBase]

# Stands in for the address of a client that connects through one.
UNIX_SOCKET: Final = "unix"
WAIT = _("Too many failed sign-in attempts. Wait a few minutes, then try again.")
WAIT_OR_RESET = _(
    "Too many failed sign-in attempts. Wait a few minutes, or reset your password by email to sign in now."
)


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]
    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return bool(settings.CHAT_SIGNUP)

    @sensitive_variables("credentials", "password")
    def authenticate(self, request: HttpRequest, **credentials: Any) -> User | None:
        """The account of this login and password, even if disabled. Raises ValidationError after too many attempts.

        Any input costs one hash, so that timing does not reveal whether a login exists.
        """
        login, password = (
            credentials.get("email") or credentials.get("username") or "",
            credentials.get("password", ""),
        )
        user = User.named_by(login)
        attempt = self._begin(request, login, user)
        if user is None:
            make_password(password)
            return None
        return self._check(user, password, attempt)

    @sensitive_variables("password")
    def reauthenticate(self, user: User, password: str) -> bool:
        attempt = self._begin(context.request, user.username, user)
        return self._check(user, password, attempt) is not None

    def get_client_ip(self, request: HttpRequest) -> str:
        """Without an address, the request came through a Unix socket, from a proxy that forwards none."""
        if not request.META.get("REMOTE_ADDR"):
            return UNIX_SOCKET
        return str(super().get_client_ip(request))

    def _begin(self, request: HttpRequest, login: str, user: User | None) -> limits.Attempt:
        attempt = limits.begin(request, login, user)
        if attempt is None:
            raise ValidationError(WAIT_OR_RESET if mail.is_configured() else WAIT, code="too_many_login_attempts")
        return attempt

    def _check(self, user: User, password: str, attempt: limits.Attempt) -> User | None:
        if not user.check_password(password):
            return None
        attempt.succeeded()
        return user

    def post_login(self, request: HttpRequest, user: User, **kwargs: Any) -> HttpResponse:
        response: HttpResponse = super().post_login(request, user, **kwargs)
        limits.know_device(request, response, user)
        return response

    def logout(self, request: HttpRequest) -> None:
        user_id = request.user.pk
        super().logout(request)
        if user_id is not None:
            # Disconnects the other tabs of this browser.
            look_now(user_id)

    def get_password_change_redirect_url(self, request: HttpRequest) -> str:
        """To the chat, which shows the confirmation; allauth's default, the form, would ask for a password again."""
        return resolve_url("chat:new")

    def get_reset_password_from_key_url(self, key: str) -> str:
        return on_site(super().get_reset_password_from_key_url(key))

    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        """Every URL in a mail is the site's own (CHAT_URL), whatever the Host header of the request.

        If the mail server fails, the response says so, for known and unknown addresses alike.
        """
        ours = {**all_on_site(context), "current_site": MailSite.ours()}
        try:
            super().send_mail(template_prefix, email, ours)
        except (OSError, smtplib.SMTPException) as error:
            # Without the error's text, which may contain the address.
            logger.error("mail: not sent, the mail server (EMAIL_URL) failed: %s", type(error).__name__)
            raise ImmediateHttpResponse(render(self.request, "account/mail_failed.html", status=503)) from error

    def format_email_subject(self, subject: str) -> str:
        return f"[{MailSite.ours().name}] {subject}"


@dataclass(frozen=True, slots=True)
class MailSite:
    """The site as named in mail."""

    name: str
    domain: str

    @classmethod
    def ours(cls) -> MailSite:
        parts = urlsplit(settings.CHAT_URL)
        return cls(name=parts.hostname or parts.netloc, domain=parts.netloc)


def on_site(url: str) -> str:
    """The same page under the site's public URL."""
    parts = urlsplit(url)
    return origin(settings.CHAT_URL) + parts._replace(scheme="", netloc="").geturl()


def all_on_site(context: Any) -> Any:
    """The context of a mail with every URL in it, at any depth, moved to the site's public URL."""
    if isinstance(context, list):
        return [all_on_site(each) for each in context]
    if not isinstance(context, dict):
        return context
    return {
        name: on_site(value) if str(name).endswith("_url") and isinstance(value, str) else all_on_site(value)
        for name, value in context.items()
    }


def after_first_run(view: View) -> View:
    """Redirects to the setup page until the site has an administrator: a sign-up before would end the first run."""

    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if first_run.is_open():
            return redirect("chat:setup")
        return view(request, *args, **kwargs)

    return guarded


def if_mail_is_sent(view: View) -> View:
    """Without a mail server, shows a page that says whom to ask, and looks nothing up."""

    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if mail.is_configured():
            return view(request, *args, **kwargs)
        if request.method == "POST":
            logger.warning("mail: password reset requested, but no mail server is configured. Set EMAIL_URL.")
        contact = {"contact": settings.CHAT_CONTACT, "contact_url": mail.contact_url(settings.CHAT_CONTACT)}
        return render(request, "account/password_reset_unavailable.html", contact)

    return guarded


def with_secret_address(view: View) -> View:
    """For pages with a key in the URL: no caching, and no Referer that would reveal the URL.

    Such a page must have no form: with "no-referrer", browsers send `Origin: null`, which the CSRF check refuses.
    """

    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        response = view(request, *args, **kwargs)
        add_never_cache_headers(response)
        response.headers["Referrer-Policy"] = "no-referrer"
        return response

    return guarded


class PasswordResetFromKeyView(AllauthPasswordResetFromKeyView):  # type: ignore[misc]
    def form_valid(self, form: Any) -> HttpResponse:
        response: HttpResponse
        try:
            response = super().form_valid(form)
        except LinkUsed:
            self.reset_user = None
            response = self.render_to_response(self.get_context_data(token_fail=True))
            return response
        # Whoever read the mail is the owner, and can sign in from here, whatever others try in the meantime.
        limits.forget(self.request, form.user)
        limits.know_device(self.request, response, form.user)
        return response
