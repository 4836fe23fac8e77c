"""Errors tell clients in `x-should-retry` whether to retry. The clients of OpenAI and Anthropic read it.

Without it, they retry every 408, 409, 429 and 5xx.
"""

from __future__ import annotations

import uuid

import pytest

from chat.api.errors import not_signed_in, unavailable
from chat.api.responses import refused
from chat.protocol.errors import REQUEST_ERRORS, ApiError
from chat.providers.base import Incomplete, RateLimited, TextDelta
from tests.api.rig import Browser
from tests.chat_rig import Rig

HELPS = {
    *("request_timeout", "busy", "rate_limited", "too_many_runs", "too_many_requests", "unavailable", "draining"),
}


@pytest.mark.parametrize("code", sorted(REQUEST_ERRORS))
def test_refusals_say_whether_to_retry(code: str) -> None:
    response = refused(ApiError(code, "No."))

    assert response.headers["x-should-retry"] == ("true" if code in HELPS else "false")


def test_early_refusals_say_whether_to_retry() -> None:
    assert not_signed_in().headers["x-should-retry"] == "false"
    assert unavailable().headers["x-should-retry"] == "true"


@pytest.mark.parametrize(("method", "path", "status"), [("GET", "/api/nothing", 404), ("PUT", "/api/runs", 405)])
async def test_requests_without_a_view_say_whether_to_retry(
    chat: Rig, owner: Browser, method: str, path: str, status: int
) -> None:
    response = await owner.ask(method, path)

    assert (response.status, response.headers["x-should-retry"]) == (status, "false")


async def test_a_conflict_is_not_retried(chat: Rig, owner: Browser) -> None:
    key = str(uuid.uuid4())
    await owner.post("/api/runs", {"text": "One", "client_message_id": key})

    response = await owner.post("/api/runs", {"text": "Two", "client_message_id": key})

    assert (response.status, response.headers["x-should-retry"]) == (409, "false")


async def test_a_failed_run_with_an_id_is_not_retried(chat: Rig, owner: Browser) -> None:
    chat.provider.put(TextDelta("Half"), RateLimited("Later.", retry_after=1))
    body = {"text": "Hello", "client_message_id": str(uuid.uuid4())}

    answers = [await owner.post("/api/runs/wait", body) for _ in range(2)]

    assert [each.status for each in answers] == [429, 429]
    assert answers[0].data == answers[1].data
    assert [each.headers["x-should-retry"] for each in answers] == ["false", "false"]
    # The body is about a new message, which may succeed.
    assert answers[0].data["error"]["retryable"] is True
    assert len(chat.provider.requests) == 1


@pytest.mark.parametrize("body", [{"text": "Hello"}, {"text": "Hello", "client_message_id": None}])
async def test_a_failed_run_without_an_id_can_be_retried(
    chat: Rig, owner: Browser, body: dict[str, str | None]
) -> None:
    chat.provider.put(TextDelta("Half"), Incomplete("It broke off."))

    response = await owner.post("/api/runs/wait", body)

    assert response.status == 502
    assert response.headers["x-should-retry"] == ("true" if response.data["error"]["retryable"] else "false")
