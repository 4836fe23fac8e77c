"""API tokens over HTTP, and the response to an invalid one."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable

from asgiref.sync import markcoroutinefunction
from django.db import Error as DatabaseError
from django.http import HttpRequest, HttpResponse

from chat import database
from chat.api.errors import not_signed_in, unavailable
from chat.auth.credentials import bearer_secret, remember, user_of_token

logger = logging.getLogger(__name__)


class BearerTokenMiddleware:
    """Under /api/, an `Authorization: Bearer` header takes precedence: cookies are ignored, even if it is invalid.

    A request with a bearer token needs no CSRF token: browsers never add this header on their own.
    """

    async_capable = True
    sync_capable = False

    def __init__(self, get_response: Callable[[HttpRequest], Awaitable[HttpResponse]]) -> None:
        self._get_response = get_response
        markcoroutinefunction(self)

    async def __call__(self, request: HttpRequest) -> HttpResponse:
        secret = bearer_secret(request.headers.get("Authorization", ""))
        if secret is not None and request.path_info.startswith("/api/"):
            try:
                user = await database.find(user_of_token, secret)
            except DatabaseError as error:
                logger.warning("auth: token not checked: %r", error)
                return unavailable()
            if user is None:
                return not_signed_in("This API token is invalid, expired or revoked.")
            remember(request, user)
            request._dont_enforce_csrf_checks = True  # type: ignore[attr-defined]
        return await self._get_response(request)
