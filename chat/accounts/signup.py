"""Tells templates whether sign-up is open."""

from __future__ import annotations

from django.conf import settings
from django.http import HttpRequest


def signup(request: HttpRequest) -> dict[str, bool]:
    """Context processor."""
    return {"signup_open": settings.CHAT_SIGNUP}
