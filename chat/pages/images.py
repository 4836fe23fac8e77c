"""A page with a single external image, which the chat shows in a frame when the user asks to see it.

The chat's own policy blocks external images, so that no text can make a browser fetch one. This page may load the one
requested image and nothing else: it has no script, no origin and no cookies, and only the site's own pages may frame
it. The server itself fetches nothing.
"""

from __future__ import annotations

import re
from typing import Final

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.clickjacking import xframe_options_sameorigin
from django.views.decorators.http import require_safe

# In the browser's normal form: the page's scripts pass on the output of `new URL`.
ADDRESS: Final = re.compile(r"""(https://([a-z0-9.-]+)(?::\d{1,5})?)/[^\x00-\x20"'<>\\^`{|}\x7f-\U0010ffff]{0,4000}""")
POLICY: Final = (
    "default-src 'none'; img-src {origin}; style-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'self'; sandbox"
)


@require_safe
@login_required
@xframe_options_sameorigin
def image(request: HttpRequest) -> HttpResponse:
    if request.headers.get("Sec-Fetch-Dest", "iframe") != "iframe":
        raise Http404
    address = request.GET.get("address", "")
    origin = origin_of(address, request.get_host())
    if origin is None:
        raise Http404
    response = render(request, "chat/image.html", {"address": address})
    response["Content-Security-Policy"] = POLICY.format(origin=origin)
    response["Referrer-Policy"] = "no-referrer"
    response["Cache-Control"] = "private, max-age=86400"
    return response


def origin_of(address: str, own_host: str) -> str | None:
    """The origin of the image; None unless it is another site's, over HTTPS."""
    found = ADDRESS.fullmatch(address)
    return found[1] if found and found[2] != own_host.rsplit(":", 1)[0].lower() else None


def allow_image_frames(request: HttpRequest, response: HttpResponse) -> None:
    """Let this page frame the image page, and nothing else of the site."""
    response._csp_replace = {"frame-src": [request.build_absolute_uri(reverse("chat:image"))]}  # type: ignore[attr-defined]
