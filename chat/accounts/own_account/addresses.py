"""Changing a user's e-mail address: immediately if the site sends no mail, otherwise after confirmation by a link.

allauth's own pages are not used: they do not ask for the password, and anyone who opens the link confirms the address
for the account that requested it. A stranger could so trick someone into confirming it for the stranger's account.
"""

from __future__ import annotations

from typing import Final
from urllib.parse import urlencode

from allauth.account.adapter import get_adapter
from allauth.account.models import EmailAddress
from allauth.core.internal import ratelimit
from django.core import signing
from django.http import HttpRequest
from django.urls import reverse

from chat import mail
from chat.models import User

SALT: Final = "chat.own_account.address"
LINK_SECONDS: Final = 24 * 3600
# Each one sends mail to an address that may be anyone's.
MAILS: Final = {"confirm": "5/h/key"}


class TooManyMails(Exception):
    """The user has requested too many links."""


def ask(request: HttpRequest, user: User, email: str) -> bool:
    """Change the address and return True, or send it a confirmation link and return False. Raises TooManyMails."""
    if not email or not mail.is_configured():
        take(user, email)
        return True
    if not ratelimit.consume(request, app=SALT, action="confirm", config=MAILS, key=str(user.pk)):
        raise TooManyMails
    link = f"{reverse('account_confirm_address')}?{urlencode({'token': _token(user, email)})}"
    context = {"username": user.username, "confirm_url": link}
    get_adapter().send_mail("account/email/confirm_address", email, context)
    return False


def of_token(user: User, token: str) -> str | None:
    """The address that the link confirms. None if it is for another account, expired or used."""
    try:
        user_id, since, email = signing.loads(token, salt=SALT, max_age=LINK_SECONDS)
    except (signing.BadSignature, ValueError, TypeError):
        return None
    return email if (user_id, since) == (user.pk, _since(user)) else None


def take(user: User, email: str) -> None:
    """Set the account's address, and notify the previous one by mail: its owner may not know of the change."""
    before = user.email
    if before and mail.is_configured():
        get_adapter().send_mail("account/email/address_changed", before, {"username": user.username})
    user.set_address(email)
    # allauth would still accept earlier addresses that it has stored.
    EmailAddress.objects.filter(user=user).exclude(email__iexact=email).delete()


def _token(user: User, email: str) -> str:
    """Valid until the address changes, through this token or otherwise."""
    return signing.dumps([user.pk, _since(user), email], salt=SALT)


def _since(user: User) -> str:
    return user.email_since.isoformat()
