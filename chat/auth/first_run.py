"""Creation of the first administrator: only through the setup link that the server prints at startup."""

from __future__ import annotations

from base64 import urlsafe_b64encode
from urllib.parse import urlencode

from django.contrib.contenttypes.models import ContentType
from django.db import transaction
from django.urls import reverse
from django.utils.crypto import constant_time_compare, salted_hmac

from chat.models import User


def is_open() -> bool:
    """Whether the site is not set up yet: it has no users."""
    return not User.objects.exists()


def setup_link(base_url: str) -> str | None:
    """The one-time URL for creating the administrator account. None once there is a user."""
    if not is_open():
        return None
    return f"{base_url.rstrip('/')}{reverse('chat:setup')}?{urlencode({'token': _token()})}"


def accepts(token: str) -> bool:
    """Whether this is the token of the setup link. Compares in constant time."""
    return constant_time_compare(token.encode("utf-8", "surrogatepass"), _token())


def claim(username: str, email: str, password: str) -> User | None:
    """Create the administrator. Of several concurrent claims one succeeds; the others get None."""
    with transaction.atomic():
        # There is no user to lock yet, so claims lock a row that every database has. On SQLite they already queue:
        # transactions there take the write lock when they begin.
        ContentType.objects.select_for_update().get(app_label="chat", model="user")
        if not is_open():
            return None
        administrator: User = User.objects.create_superuser(username, email, password)
        return administrator


def _token() -> str:
    """Derived from SECRET_KEY: the same on every server and after a restart, and not stored."""
    return urlsafe_b64encode(salted_hmac("chat.first_run", "setup", algorithm="sha256").digest()).decode().rstrip("=")
