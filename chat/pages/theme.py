"""The theme that a user chose. It is in a cookie, so that it is known before the first paint without a script."""

from __future__ import annotations

from typing import Final

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_POST

COOKIE: Final = f"{settings.CHAT_COOKIE_PREFIX}theme"
THEMES: Final = ("system", "light", "dark")
ONE_YEAR: Final = 365 * 24 * 3600


def theme(request: HttpRequest) -> dict[str, str]:
    """Context processor: `theme` for `<html data-theme>`, and the name of the CSRF cookie for the scripts."""
    chosen = request.COOKIES.get(COOKIE, "")
    return {"theme": chosen if chosen in THEMES else "system", "csrf_cookie": settings.CSRF_COOKIE_NAME}


@require_POST
def choose_theme(request: HttpRequest) -> HttpResponse:
    chosen = request.POST.get("theme", "")
    if chosen not in THEMES:
        return HttpResponse("The theme is one of: system, light, dark.", status=400, content_type="text/plain")
    response = HttpResponse(status=204)
    response.set_cookie(
        COOKIE,
        chosen,
        max_age=ONE_YEAR,
        path=settings.COOKIE_PATH,
        samesite="Lax",
        httponly=True,
        secure=request.is_secure(),
    )
    return response
