"""Error responses: pages for people, JSON under /api/."""

from __future__ import annotations

import sys
from typing import Any, Final

from django.core.exceptions import DisallowedHost
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from chat.api.errors import error_response
from chat.auth import origins
from chat.protocol.errors import ERRORS

RETRY_SECONDS: Final = 10


def bad_request(request: HttpRequest, exception: Any = None) -> HttpResponse:
    if isinstance(exception, DisallowedHost):
        host = request.META.get("HTTP_HOST", "")
        message = (
            f"This site has no such name: {host}. Add it to ALLOWED_HOSTS, or let the proxy in front pass on the Host "
            "header as the browser sent it."
        )
        return _answer(request, "bad_request", message, host=host)
    return _answer(request, "bad_request", "This request cannot be understood.")


def forbidden(request: HttpRequest, exception: Any = None) -> HttpResponse:
    return _answer(request, "forbidden", "You may not do this.")


def not_found(request: HttpRequest, exception: Any = None) -> HttpResponse:
    return _answer(request, "not_found", "There is nothing here.")


def too_many_requests(request: HttpRequest) -> HttpResponse:
    """For django-allauth's rate limits (allauth uses handler429, Django does not)."""
    return _answer(request, "rate_limited", "Too many attempts. Wait a few minutes, then try again.")


def server_error(request: HttpRequest) -> HttpResponse:
    """Django calls this while it handles the exception."""
    if isinstance(sys.exc_info()[1], OperationalError | InterfaceError):
        response = _answer(request, "unavailable", "The database does not answer. Try again in a moment.")
        response["Retry-After"] = str(RETRY_SECONDS)
        return response
    return _answer(request, "server_error", "Something went wrong on the server.")


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    origin, host = request.headers.get("Origin", ""), request.META.get("HTTP_HOST", "")
    if origin and not origins.is_ours(origin, host):
        origins.tell("a form was", origin, host)
        own, advice = origins.own_origin(host), origins.advice(origin, host)
        message = f"This page has the origin {origin}, but the site is {own}. {advice}"
        page = {"origin": origin, "own": own, "advice": advice}
        return _answer(request, "forbidden", message, template="403_origin.html", **page)
    message = "The CSRF token is missing or wrong. Reload the page, or send an API token."
    return _answer(request, "forbidden", message, template="403_csrf.html")


def _answer(request: HttpRequest, code: str, message: str, *, template: str = "", **page: str) -> HttpResponse:
    """`page`: further context for the template."""
    if f"{request.path_info}/".startswith("/api/"):
        return error_response(code, message)
    status = ERRORS[code].status
    return render(request, template or f"{status}.html", page, status=status)
