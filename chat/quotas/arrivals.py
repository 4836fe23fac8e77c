"""Marks that a request has reached its view and its user is known, so that the user's next request may start."""

from __future__ import annotations

from typing import Final

from django.http import HttpRequest

from chat.auth.credentials import credential_of_scope
from chat.models import User
from chat.quotas.quotas import quotas

# Key in the ASGI scope: the turn that this request holds in its user's queue (chat.api.request_queue).
TURN: Final = "chat.turn"


async def arrived(request: HttpRequest, user: User) -> None:
    """Remember whose credential this is, and end the request's turn. From here on, the view's own limits apply."""
    scope = getattr(request, "scope", {})
    if scope:
        quotas().credentials.learn(credential_of_scope(scope), user.pk)
    if turn := scope.get(TURN):
        await turn.aclose()
