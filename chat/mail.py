"""The mail backend for a site without a mail server: it drops mail and logs that."""

from __future__ import annotations

import logging
import re
from collections.abc import Sequence
from typing import Any, Final
from urllib.parse import quote

from django.conf import settings
from django.core.mail.backends.base import BaseEmailBackend

logger = logging.getLogger(__name__)

NO_MAIL_SERVER: Final = "chat.mail.NoMailServer"
ADDRESS: Final = re.compile(r"[^\s@/]+@[^\s@/]+")


class NoMailServer(BaseEmailBackend):
    """Sends nothing. The log does not contain the mail: with a reset link, anyone who reads it could sign in."""

    def send_messages(self, email_messages: Sequence[Any]) -> int:
        logger.warning("mail: %s not sent, no mail server is configured. Set EMAIL_URL.", len(email_messages))
        return 0


def is_configured() -> bool:
    """Whether the site can send mail."""
    return bool(settings.EMAIL_BACKEND != NO_MAIL_SERVER)


def contact_url(contact: str) -> str:
    """The link for the operator's contact (CHAT_CONTACT); empty if it is plain text, such as a name."""
    if contact.startswith(("https://", "http://")) and " " not in contact:
        return contact
    return f"mailto:{quote(contact, safe='@')}" if ADDRESS.fullmatch(contact) else ""
