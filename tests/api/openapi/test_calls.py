"""The document lists exactly the calls of the API, with their parameters and responses."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.http import HttpRequest, HttpResponse
from django.test import Client, override_settings
from django.urls import URLPattern
from django.urls import path as address

from chat.api import urls
from chat.api.calls import RUNS, call
from chat.api.openapi.document import Undocumented, address_of, describe, document
from chat.api.responses import route
from chat.api.runs import list_runs
from chat.models import User
from tests.api.openapi.openapi import ID, PUBLIC, check, codes_of, operations


def views() -> Iterator[tuple[str, str, Any]]:
    for pattern in urls.urlpatterns:
        assert isinstance(pattern, URLPattern)
        path = address_of(re.sub(r"<\w+:(\w+)>", r"{\1}", str(pattern.pattern)))
        methods = getattr(pattern.callback, "methods", {"GET": pattern.callback})
        for method, view in methods.items():
            yield path, method, view


def routes() -> list[tuple[str, str]]:
    return [(path, method) for path, method, _ in views()]


class TestCalls:
    def test_documented_calls_match_the_routes(self) -> None:
        assert sorted((path, method) for path, method, _ in operations()) == sorted(routes())

    def test_operation_ids_are_unique(self) -> None:
        names = [operation["operationId"] for _, _, operation in operations()]

        assert len(set(names)) == len(names)

    @pytest.mark.parametrize(("path", "method", "operation"), operations())
    def test_path_parameters_are_documented(self, path: str, method: str, operation: dict[str, Any]) -> None:
        parameters = [*document()["paths"][path].get("parameters", []), *operation.get("parameters", [])]
        ids = [each["name"] for each in parameters if each["in"] == "path"]

        assert ids == re.findall(r"{(\w+)}", path)

    @pytest.mark.parametrize(("path", "method", "operation"), operations())
    def test_authentication_is_documented(self, path: str, method: str, operation: dict[str, Any]) -> None:
        session = {"session": []} if method == "GET" else {"session": [], "csrf": []}

        assert operation["security"] == ([] if path in PUBLIC else [{"token": []}, session])

    @pytest.mark.parametrize(("path", "method", "operation"), operations())
    def test_the_common_errors_are_documented(self, path: str, method: str, operation: dict[str, Any]) -> None:
        expected = {"405"} if path in PUBLIC else {"401", "405", "503"}
        if method != "GET":
            expected.add("403")
        if "{" in path:
            expected.add("404")
        if "requestBody" in operation:
            expected |= {"400", "413"}

        assert expected <= set(operation["responses"])

    def test_an_undocumented_view_is_found(self) -> None:
        async def planted(request: HttpRequest, user: User) -> HttpResponse:
            return HttpResponse()

        with pytest.raises(Undocumented, match="GET planted"):
            describe([*urls.urlpatterns, address("planted", route(GET=planted))])
        with pytest.raises(Undocumented, match="PUT planted"):
            describe([address("planted", route(GET=list_runs, PUT=planted))])

    def test_a_tag_without_a_description_is_found(self) -> None:
        @call("planted", "Planted", tag="Coffee", gives={})
        async def planted(request: HttpRequest, user: User) -> HttpResponse:
            return HttpResponse()

        with pytest.raises(Undocumented, match="Coffee"):
            describe([address("planted", route(GET=planted))])

    def test_a_call_with_an_unknown_error_code_is_found(self) -> None:
        @call("planted", "Planted", tag=RUNS, gives={}, refuses=("out_of_coffee",))
        async def planted(request: HttpRequest, user: User) -> HttpResponse:
            return HttpResponse()

        with pytest.raises(KeyError, match="out_of_coffee"):
            describe([address("planted", route(GET=planted))])

    @pytest.mark.django_db
    @pytest.mark.parametrize(("path", "method"), sorted(set(routes())))
    def test_an_anonymous_call_is_answered_as_documented(self, client: Client, path: str, method: str) -> None:
        response = client.generic(method, re.sub(r"{\w+}", f"{ID}1", path))

        operation = document()["paths"][path][method.lower()]
        answer = operation["responses"][str(response.status_code)]
        assert response.status_code == (200 if path in PUBLIC else 401)
        assert set(answer.get("headers", {})) <= set(response.headers)
        if response.status_code == 401:
            check(response.json(), "Error")
            assert response.json()["error"]["code"] in codes_of(answer)

    def test_documented_limits_come_from_the_settings(self) -> None:
        with override_settings(CHAT_MESSAGE_CHARACTERS=7, CHAT_UNDO_SECONDS=11, SESSION_COOKIE_NAME="s"):
            changed = document()

        delete = changed["paths"]["/api/conversations/{conversation_id}"]["delete"]
        assert changed["components"]["schemas"]["Send"]["properties"]["text"]["maxLength"] == 7
        assert "11 seconds" in delete["description"]
        assert changed["components"]["securitySchemes"]["session"]["name"] == "s"
        assert changed["components"]["securitySchemes"]["csrf"]["name"] == "X-CSRFTOKEN"
