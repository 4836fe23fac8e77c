from __future__ import annotations

import logging
import sys

import pytest
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.test import Client
from django.urls import path, re_path

import chatsite.urls
from chatsite.log_lines import Lines
from tests.console import console

SECRET = "1-c4f2verysecret"


def record(message: str, *args: object) -> logging.LogRecord:
    return logging.LogRecord("django.request", logging.ERROR, "", 1, message, args, None)


@pytest.mark.parametrize(
    "address",
    [
        f"/accounts/password/reset/key/{SECRET}/",
        f"/accounts/password/reset/key/{SECRET}",
        f"/accounts/password%2Freset%2fkey/{SECRET}/",
        f"https://chat.example.org/accounts/password/reset/key/{SECRET}/?next=/",
        f"/setup/?token={SECRET}",
        f"/setup/?x=1&token={SECRET}&y=2",
    ],
)
def test_secret_urls_are_removed_from_log_lines(address: str) -> None:
    lines = Lines("%(levelname)s %(message)s")

    assert SECRET not in lines.format(record("%s: %s", "Internal Server Error", address))
    assert SECRET not in lines.format(record(f'"GET {address} HTTP/1.1"'))
    # The control: without our formatter it is there.
    assert SECRET in logging.Formatter().format(record("%s: %s", "Not Found", address))


def test_secret_urls_are_removed_from_exceptions() -> None:
    failed = record("It failed")
    try:
        raise PermissionDenied(f"/accounts/password/reset/key/{SECRET}/")
    except PermissionDenied:
        failed.exc_info = sys.exc_info()

    line = Lines("%(message)s").format(failed)

    assert SECRET not in line
    assert "PermissionDenied: /accounts/password/reset/key/..." in line


def test_other_lines_are_unchanged() -> None:
    lines = Lines("%(message)s")
    for line in ("Run 1 started", "Not Found: /accounts/password/reset/key/done/", "max_tokens=5", "/c/1?q=reset/key"):
        assert lines.format(record(line)) == line


def fail(request: HttpRequest, key: str = "") -> HttpResponse:
    raise RuntimeError("planted")


urlpatterns = [
    re_path("^accounts/password/reset/key/(?P<key>.+)/$", fail),
    path("other", fail),
    *chatsite.urls.urlpatterns,
]
handler500 = "chat.pages.errors.server_error"


@pytest.mark.django_db
@pytest.mark.urls("tests.test_log_lines")
def test_djangos_error_log_uses_the_formatter() -> None:
    handler, printed = console()
    logger = logging.getLogger("django.request")
    logger.addHandler(handler)
    client = Client(raise_request_exception=False)
    try:
        assert client.get(f"/accounts/password/reset/key/{SECRET}/").status_code == 500
        assert client.get("/other").status_code == 500
    finally:
        logger.removeHandler(handler)

    assert "Internal Server Error: /accounts/password/reset/key/..." in printed.getvalue()
    assert "Internal Server Error: /other" in printed.getvalue()
    assert SECRET not in printed.getvalue()
