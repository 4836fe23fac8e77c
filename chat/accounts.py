"""How django-allauth behaves here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any
from urllib.parse import urlsplit

from allauth.account.adapter import DefaultAccountAdapter
from django.conf import settings
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import redirect

from chat import first_run

View = Callable[..., HttpResponseBase]


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]
    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return bool(settings.CHAT_SIGNUP)

    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        """Every address in a mail is the site's own (CHAT_URL), whatever the request said that asked for the mail."""
        ours = {name: on_site(value) for name, value in context.items() if name.endswith("_url")}
        super().send_mail(template_prefix, email, {**context, **ours, "current_site": MailSite.ours()})

    def format_email_subject(self, subject: str) -> str:
        return f"[{MailSite.ours().name}] {subject}"


@dataclass(frozen=True, slots=True)
class MailSite:
    """The site as mail names it."""

    name: str
    domain: str

    @classmethod
    def ours(cls) -> MailSite:
        parts = urlsplit(settings.CHAT_URL)
        return cls(name=parts.hostname or parts.netloc, domain=parts.netloc)


def on_site(url: str) -> str:
    """The same page of the site, at the address that people open it by."""
    parts = urlsplit(url)
    return settings.CHAT_URL + parts._replace(scheme="", netloc="").geturl()


def after_first_run(view: View) -> View:
    """Until the site has its administrator nobody can log in, and nobody may sign up: that would end the first run."""

    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if first_run.is_open():
            return redirect("chat:setup")
        return view(request, *args, **kwargs)

    return guarded
