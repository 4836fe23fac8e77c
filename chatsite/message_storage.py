"""Django's messages framework, with a cookie name of this site."""

from __future__ import annotations

from django.conf import settings
from django.contrib.messages.storage.cookie import CookieStorage
from django.contrib.messages.storage.fallback import FallbackStorage
from django.contrib.messages.storage.session import SessionStorage


class NamedCookieStorage(CookieStorage):
    cookie_name = f"{settings.CHAT_COOKIE_PREFIX}messages"


class MessageStorage(FallbackStorage):
    """For MESSAGE_STORAGE."""

    storage_classes = (NamedCookieStorage, SessionStorage)
