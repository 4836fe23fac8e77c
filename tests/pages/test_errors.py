from __future__ import annotations

import pytest
from django.db import InterfaceError, OperationalError, ProgrammingError
from django.http import HttpRequest
from django.test import Client, RequestFactory

from chat.pages import errors


@pytest.mark.parametrize(
    ("view", "status", "code", "retryable"),
    [
        (errors.bad_request, 400, "bad_request", False),
        (errors.forbidden, 403, "forbidden", False),
        (errors.csrf_failure, 403, "forbidden", False),
        (errors.not_found, 404, "not_found", False),
        (errors.too_many_requests, 429, "rate_limited", True),
        (errors.server_error, 500, "server_error", True),
    ],
)
def test_browsers_get_a_page_and_api_clients_get_json(
    rf: RequestFactory, view: object, status: int, code: str, retryable: bool
) -> None:
    page, reply = (view(request(rf, path)) for path in ("/x", "/api/x"))  # type: ignore[operator]

    assert (page.status_code, page["Content-Type"]) == (status, "text/html; charset=utf-8")
    assert "<h1" in page.content.decode()
    assert (reply.status_code, reply["Content-Type"]) == (status, "application/json")
    assert f'"code": "{code}"' in reply.content.decode()
    assert f'"retryable": {str(retryable).lower()}' in reply.content.decode()


@pytest.mark.parametrize("error", [OperationalError, InterfaceError])
def test_an_unavailable_database_is_503(rf: RequestFactory, error: type[Exception]) -> None:
    for path, said in (("/x", "<h1"), ("/api/x", '"code": "unavailable"')):
        try:
            raise error("the connection failed")
        except error:
            response = errors.server_error(request(rf, path))
        assert (response.status_code, response["Retry-After"]) == (503, "10")
        assert said in response.content.decode()


def test_any_other_database_error_is_500(rf: RequestFactory) -> None:
    try:
        raise ProgrammingError("no such table")
    except ProgrammingError:
        assert errors.server_error(request(rf, "/x")).status_code == 500


def request(rf: RequestFactory, path: str) -> HttpRequest:
    made: HttpRequest = rf.get(path)
    return made


def test_an_unknown_address_gets_the_page(client: Client, db: None) -> None:
    response = client.get("/nowhere")

    assert response.status_code == 404
    assert "Page not found" in response.content.decode()


def test_the_address_is_not_repeated_as_html(client: Client, db: None) -> None:
    assert b"<script>__x" not in client.get("/<script>__x=1</script>").content


def test_an_unknown_host_is_refused(client: Client, db: None) -> None:
    assert client.get("/", headers={"Host": "evil.example"}).status_code == 400
