"""Where mail goes on a site without a mail server: nowhere, and the log says so."""

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
    """Sends nothing. A reset link in the log would be a key for whoever reads the log."""

    def send_messages(self, email_messages: Sequence[Any]) -> int:
        logger.warning("mail: %s not sent, there is no mail server. Set EMAIL_URL.", len(email_messages))
        return 0


def is_configured() -> bool:
    """Whether mail goes anywhere."""
    return bool(settings.EMAIL_BACKEND != NO_MAIL_SERVER)


def contact_url(contact: str) -> str:
    """Where the operator's contact (CHAT_CONTACT) leads; empty if it is words, such as a name."""
    if contact.startswith(("https://", "http://")) and " " not in contact:
        return contact
    return f"mailto:{quote(contact, safe='@')}" if ADDRESS.fullmatch(contact) else ""
