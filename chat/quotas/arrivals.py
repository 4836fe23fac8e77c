"""A request has come as far as its view: it is known who asks, and others of that user may come in."""

from __future__ import annotations

from typing import Final

from django.http import HttpRequest

from chat.auth.credentials import credential_of_scope
from chat.models import User
from chat.quotas.quotas import quotas

# In the ASGI scope: the turn of the user whose credential it is (chat.api.request_queue).
TURN: Final = "chat.turn"


async def arrived(request: HttpRequest, user: User) -> None:
    """`user` is signed in, and asks. From here on the view has limits of its own."""
    scope = getattr(request, "scope", {})
    if scope:
        quotas().credentials.learn(credential_of_scope(scope), user.pk)
    if turn := scope.get(TURN):
        await turn.aclose()
