"""The API's schema, for programs and for people. Public: it holds nobody's data."""

from __future__ import annotations

from typing import Final

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render

from chat.api.reference import reference
from chat.api.replies import not_allowed
from chat.api.schema.document import document

SAFE: Final = ("GET", "HEAD")


def schema(request: HttpRequest) -> HttpResponse:
    if request.method not in SAFE:
        return not_allowed(SAFE)
    return JsonResponse(document(), json_dumps_params={"ensure_ascii": False})


def page(request: HttpRequest) -> HttpResponse:
    if request.method not in SAFE:
        return not_allowed(SAFE)
    return render(request, "api/docs.html", {"reference": reference(document())})
