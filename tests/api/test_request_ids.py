"""Every response has a request id, whichever layer sends it, and so do the log lines of the request."""

from __future__ import annotations

import io
import logging
import re
from collections.abc import Iterator

import pytest
from django.http import HttpRequest, HttpResponse
from django.urls import path

import chatsite.urls
from chat.api.calls import RUNS, call
from chat.api.responses import route
from chat.models import User
from chat.quotas.quotas import quotas
from chat.quotas.repeated_errors import Response
from chatsite.request_ids import chosen
from tests.api.rig import Browser
from tests.chat_rig import Rig
from tests.console import console

OURS = re.compile("[0-9a-f]{32}")
NAME = "job-17=a+b_C"


def fail(request: HttpRequest) -> HttpResponse:
    raise RuntimeError("planted")


@call("fail", "Fails", tag=RUNS, gives={})
async def fail_in_the_api(request: HttpRequest, user: User) -> HttpResponse:
    logging.getLogger("chat.planted").warning("It is answered.")
    raise RuntimeError("planted")


urlpatterns = [
    path("api/fails", fail),
    path("api/view-fails", route(GET=fail_in_the_api)),
    path("page-fails", fail),
    *chatsite.urls.urlpatterns,
]
handler400 = "chat.pages.errors.bad_request"
handler403 = "chat.pages.errors.forbidden"
handler404 = "chat.pages.errors.not_found"
handler500 = "chat.pages.errors.server_error"


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    """What is logged, in the site's own format."""
    handler, printed = console()
    root = logging.getLogger()
    root.addHandler(handler)
    yield printed
    root.removeHandler(handler)


@pytest.mark.urls("tests.api.test_request_ids")
async def test_every_response_has_an_id(chat: Rig, owner: Browser) -> None:
    for method, address, status in (
        *(("GET", "/api/conversations", 200), ("GET", "/api/nothing", 404), ("GET", "/nothing", 404)),
        *(("GET", "/api/fails", 500), ("GET", "/page-fails", 500), ("PUT", "/api/runs", 405)),
        *(("POST", "/api/runs", 400), ("GET", "/healthz", 200), ("GET", "/api/openapi.json", 200)),
        ("POST", "/theme", 403),
    ):
        response = await owner.ask(method, address)
        named = await owner.ask(method, address, x_request_id=NAME)

        assert (response.status, named.status) == (status, status), address
        assert OURS.fullmatch(response.headers["x-request-id"])
        assert named.headers["x-request-id"] == NAME


async def test_unauthenticated_responses_have_an_id(chat: Rig, anonymous: Browser) -> None:
    assert OURS.fullmatch((await anonymous.get("/api/runs")).headers["x-request-id"])
    wrong = Browser(token="chat_wrong")
    assert (await wrong.get("/api/runs", x_request_id=NAME)).headers["x-request-id"] == NAME


async def test_streams_have_an_id(chat: Rig, owner: Browser) -> None:
    stream = await owner.open("POST", "/api/runs/stream", {"text": "Hi"}, x_request_id=NAME)
    assert stream.headers["x-request-id"] == NAME
    await stream.close()
    waiting = await owner.open("GET", "/api/events")
    assert OURS.fullmatch(waiting.headers["x-request-id"])
    await waiting.close()


async def test_responses_of_wait_have_an_id(chat: Rig, owner: Browser) -> None:
    chat.provider.say("Hi")
    chat.provider.finish()

    assert (await owner.post("/api/runs/wait", {"text": "Hi"}, x_request_id=NAME)).headers["x-request-id"] == NAME


async def test_an_oversized_body_gets_an_id(chat: Rig, owner: Browser) -> None:
    refused = await owner.post("/api/runs", b"x" * 3_000_000, x_request_id=NAME)

    assert (refused.status, refused.headers["x-request-id"]) == (413, NAME)


async def test_a_repeated_refusal_has_a_new_id(chat: Rig, owner: Browser) -> None:
    assert (await owner.get("/api/runs")).status == 200
    head = [(b"content-type", b"application/json")]
    answer = Response({"type": "http.response.start", "status": 429, "headers": head}, {"type": "http.response.body"})
    for _ in range(20):
        quotas().repeated_errors.happened((chat.alice.pk, "GET", "/api/runs"), answer, 5.0)

    answers = [await owner.get("/api/runs", x_request_id=name) for name in ("one", "two")]

    assert [each.status for each in answers] == [429, 429]
    assert [each.headers["x-request-id"] for each in answers] == ["one", "two"]
    assert head == [(b"content-type", b"application/json")]


async def test_a_malformed_id_is_replaced(chat: Rig, owner: Browser) -> None:
    for sent in (
        "a b",
        "",
        "x" * 129,
        "é",
        "a\tb",
        "\x1b[31m",
        "<script>",
        "[other]",
        "203.0.113.9",
        "evil.example",
        "a\r\nSet-Cookie: x",
        "a\0",
    ):
        assert OURS.fullmatch((await owner.get("/api/runs", x_request_id=sent)).headers["x-request-id"]), sent


def test_the_longest_id_is_accepted_and_duplicates_are_not() -> None:
    assert chosen([b"x" * 128]) == "x" * 128
    assert OURS.fullmatch(chosen([b"x" * 129]))
    assert OURS.fullmatch(chosen([b"one", b"two"]))
    assert OURS.fullmatch(chosen([]))
    assert chosen([]) != chosen([])


@pytest.mark.urls("tests.api.test_request_ids")
async def test_log_lines_of_a_request_have_its_id(chat: Rig, owner: Browser, log: io.StringIO) -> None:
    logging.getLogger("chat.planted").warning("Before.")
    response = await owner.get("/api/view-fails", x_request_id=NAME)
    logging.getLogger("chat.planted").warning("After.")

    assert (response.status, response.data["error"]["code"]) == (500, "server_error")
    assert f"WARNING chat.planted: [{NAME}] It is answered." in log.getvalue()
    assert f"ERROR django.request: [{NAME}] Internal Server Error: /api/view-fails" in log.getvalue()
    assert "WARNING chat.planted: Before." in log.getvalue()
    assert "WARNING chat.planted: After." in log.getvalue()


async def test_log_lines_of_a_started_run_do_not_have_it(chat: Rig, owner: Browser, log: io.StringIO) -> None:
    made = await owner.post("/api/runs", {"text": "Hi"}, x_request_id=NAME)
    chat.provider.say("Hi")
    chat.provider.finish()
    await chat.events(made.data["run_id"])

    lines = [line for line in log.getvalue().splitlines() if made.data["run_id"] in line and "ended" in line]
    assert [line for line in lines if NAME in line] == []


@pytest.mark.parametrize("time", ["first", "second"])
def test_the_log_format_is_restored_after_each_test(time: str, log: io.StringIO) -> None:
    logging.getLogger("chat.planted").warning("Said.")

    assert log.getvalue().endswith("WARNING chat.planted: Said.\n"), time
