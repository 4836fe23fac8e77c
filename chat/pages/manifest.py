"""What a phone or a desktop needs to install the site as an application."""

from __future__ import annotations

from typing import Final

from django.http import HttpRequest, JsonResponse
from django.templatetags.static import static
from django.urls import reverse
from django.utils.translation import get_language, gettext
from django.views.decorators.http import require_safe

NAME: Final = "Chatsite"
# From the light theme: a manifest has only one of each color, and the pages set their own.
BACKGROUND: Final = "#fcfbf9"
# Name, sizes, purpose. A maskable icon has a margin for the system to crop.
ICONS: Final = (
    ("favicon.svg", "any", "any"),
    ("icon-192.png", "192x192", "any"),
    ("icon-512.png", "512x512", "any"),
    ("maskable-512.png", "512x512", "maskable"),
)


@require_safe
def manifest(request: HttpRequest) -> JsonResponse:
    """Public: browsers fetch it without cookies, even before sign-up. https://www.w3.org/TR/appmanifest/"""
    start = reverse("chat:new")
    return JsonResponse(
        {
            "id": start,
            "name": NAME,
            "short_name": NAME,
            "description": gettext("Your own AI chat."),
            "lang": get_language(),
            "start_url": start,
            "scope": start,
            "display": "standalone",
            "background_color": BACKGROUND,
            "theme_color": BACKGROUND,
            "icons": [icon(*each) for each in ICONS],
            "shortcuts": [{"name": gettext("New chat"), "url": start}],
        },
        content_type="application/manifest+json",
    )


def icon(name: str, sizes: str, purpose: str) -> dict[str, str]:
    kind = "image/svg+xml" if name.endswith(".svg") else "image/png"
    return {"src": static(f"icons/{name}"), "sizes": sizes, "type": kind, "purpose": purpose}
