"""The API's schema, for programs and for people. Public: it holds nobody's data."""

from __future__ import annotations

from typing import Final

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render

from chat.api.calls import ABOUT, HTML, Gives, call
from chat.api.openapi.docs_page import reference
from chat.api.openapi.document import document
from chat.api.responses import not_allowed

SAFE: Final = ("GET", "HEAD")


@call(
    "getSchema",
    "The schema",
    tag=ABOUT,
    gives={200: Gives("The document.", {"type": "object"})},
    is_public=True,
)
def schema(request: HttpRequest) -> HttpResponse:
    if request.method not in SAFE:
        return not_allowed(SAFE)
    return JsonResponse(document(), json_dumps_params={"ensure_ascii": False})


@call(
    "readSchema",
    "The schema as a page",
    tag=ABOUT,
    gives={200: Gives("The document.", {"type": "string"}, HTML)},
    is_public=True,
)
def page(request: HttpRequest) -> HttpResponse:
    if request.method not in SAFE:
        return not_allowed(SAFE)
    return render(request, "api/docs.html", {"reference": reference(document())})
