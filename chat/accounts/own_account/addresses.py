"""A person's e-mail address: changed at once where no mail can be sent, otherwise once the mail there was read.

allauth's own pages for addresses are not used: they ask for no password, and whoever opens a link there confirms the
address for the account that asked for it. A stranger could so make somebody confirm theirs for the stranger's account.
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
# Each is a mail to whomever the address belongs to.
MAILS: Final = {"confirm": "5/h/key"}


class TooManyMails(Exception):
    """This person has had as many links sent as are allowed."""


def ask(request: HttpRequest, user: User, email: str) -> bool:
    """Whether it is the account's now. If not, a link is on its way to it. Raises TooManyMails."""
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
    """The address that the link gives this account. None if it is another's, too old, or was used."""
    try:
        user_id, since, email = signing.loads(token, salt=SALT, max_age=LINK_SECONDS)
    except (signing.BadSignature, ValueError, TypeError):
        return None
    return email if (user_id, since) == (user.pk, _since(user)) else None


def take(user: User, email: str) -> None:
    """The address is the account's. The one before is told, if mail is sent here: its owner may know nothing of it."""
    before = user.email
    if before and mail.is_configured():
        get_adapter().send_mail("account/email/address_changed", before, {"username": user.username})
    user.set_address(email)
    # Addresses that allauth remembers from before would still be theirs.
    EmailAddress.objects.filter(user=user).exclude(email__iexact=email).delete()


def _token(user: User, email: str) -> str:
    """It works until the address changes, by it or otherwise."""
    return signing.dumps([user.pk, _since(user), email], salt=SALT)


def _since(user: User) -> str:
    return user.email_since.isoformat()
