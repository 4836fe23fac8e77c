"""The first administrator: whoever has the link that the server printed when it started, and nobody else."""

from __future__ import annotations

import os
import secrets
from pathlib import Path
from typing import Final
from urllib.parse import urlencode

from django.conf import settings
from django.contrib.contenttypes.models import ContentType
from django.db import transaction
from django.urls import reverse

from chat.models import User

TOKEN_BYTES: Final = 32
TOKEN_LENGTH: Final = 43


def is_open() -> bool:
    """Whether the site still waits for its administrator: there is no user at all."""
    return not User.objects.exists()


def setup_link(base_url: str) -> str | None:
    """The address that makes the administrator, the same until it was used. None once there is a user.

    Raises OSError if the token cannot be kept in the data directory.
    """
    if not is_open():
        _path().unlink(missing_ok=True)
        return None
    return f"{base_url.rstrip('/')}{reverse('chat:setup')}?{urlencode({'token': _issue()})}"


def accepts(token: str) -> bool:
    """Whether this is the token of the link. Compared in constant time; never true for an empty token."""
    kept = _kept()
    return kept is not None and secrets.compare_digest(token.encode("utf-8", "surrogatepass"), kept.encode())


def claim(username: str, email: str, password: str) -> User | None:
    """Make the administrator. Of several claims at the same time one succeeds; the others get None."""
    with transaction.atomic():
        # There is no user to lock yet, so the claims queue for a row that every database has. On SQLite they have
        # queued already: its transactions take the write lock when they begin.
        ContentType.objects.select_for_update().get(app_label="chat", model="user")
        if not is_open():
            return None
        administrator: User = User.objects.create_superuser(username, email, password)
    _path().unlink(missing_ok=True)
    return administrator


def _path() -> Path:
    return Path(settings.DATA_DIR) / "setup_token"


def _kept() -> str | None:
    try:
        token = _path().read_text("ascii")
    except (OSError, UnicodeDecodeError):
        return None
    return token if len(token) == TOKEN_LENGTH else None


def _issue() -> str:
    """The token of the link. A restart does not make a new one: the first link may be open in somebody's browser."""
    if kept := _kept():
        return kept
    token = secrets.token_urlsafe(TOKEN_BYTES)
    _path().unlink(missing_ok=True)
    with open(os.open(_path(), os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(token)
    return token
