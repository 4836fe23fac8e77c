"""Row 20: whatever the model server does, a run ends once, with an answer or an error that says what to do."""

from __future__ import annotations

import asyncio
from typing import Any, Final

import aiohttp
import pytest

from tests.faults.client import Browser, numbered, socket
from tests.faults.configurations import in_every_configuration
from tests.faults.conftest import StartSite
from tests.faults.invariants import answers, check_not_saved, check_saved, turns
from tests.faults.processes import Site, Upstream
from tests.faults.reading import Reading
from tests.members import Member

LONE: Final = "\N{REPLACEMENT CHARACTER}"

# script → error code, whether a retry may help, tokens received before the error
ERRORS: Final[dict[str, tuple[str, bool, int]]] = {
    "/status-500": ("provider_unavailable", True, 0),
    "/status-503": ("provider_unavailable", True, 0),
    "/status-400": ("provider_error", False, 0),
    "/status-401": ("authentication_failed", False, 0),
    "/quota": ("quota_exceeded", False, 0),
    "/rate-limit after=60": ("rate_limited", True, 0),
    "/broken after=7": ("provider_error", True, 7),
    "/error after=7": ("provider_unavailable", True, 7),
    "/error-event after=7": ("provider_unavailable", True, 7),
    "/error-text after=7": ("provider_error", True, 7),
    "/eof after=7": ("incomplete", True, 7),
    "/eof after=0": ("incomplete", True, 0),
    "/cut after=7": ("incomplete", True, 7),
    "/stall after=7": ("timeout", True, 7),
    "/stall after=7 comments=0.2": ("timeout", True, 7),
    "/html": ("provider_error", False, 0),
    "/endless-line": ("provider_error", False, 0),
    "/big size=2000000": ("output_too_long", False, -1),
}

WHOLE: Final = {
    "/choices": "one two",
    "/parts": "one two",
    "/refusal": "I would rather not.",
    "/no-stream": "All at once.",
    "/bytewise": "Grüße 😀",
    "/crlf": "one two",
    "/think": "So the answer is 42.",
    "/invalid-utf8": None,
    "/surrogates": None,
    "/done-only": 2,
    "/no-done": 2,
    "/open-end": 2,
    "/big size=1000000": "0123456789" * 100_000,
    "/flaky-429 times=1": "Hello! You said: /flaky-429 times=1 ",
    "/flaky-500 times=2": "Hello! You said: /flaky-500 times=2 ",
}


@in_every_configuration
async def test_each_fault_is_one_error_and_partial_text_can_be_kept(
    site: Site, alice: Member, browser: Browser
) -> None:
    """All at once: none of them affects another."""
    async with socket(site, alice) as connection:
        readings = {prompt: await connection.run(prompt) for prompt in ERRORS}
        await asyncio.gather(*(reading.ended(seconds=60) for reading in readings.values()))
    ends = {prompt: (reading.end["code"], reading.end["retryable"]) for prompt, reading in readings.items()}
    assert ends == {prompt: (code, retryable) for prompt, (code, retryable, _) in ERRORS.items()}
    for prompt, reading in readings.items():
        assert reading.end["message"].endswith(".")
        assert "sk-" not in str(reading.end)
        check_not_saved(site, reading)
        tokens = ERRORS[prompt][2]
        if tokens >= 0:
            assert reading.text == numbered(prompt, tokens)
        await check_kept(browser, reading)


async def check_kept(browser: Browser, reading: Reading) -> None:
    """`keep` saves what was received, once, and from then on the run has an answer."""
    path = f"/api/runs/{reading.run_id}/keep"
    results = await asyncio.gather(*(browser.call("POST", path) for _ in range(3)))
    assert [status for status, _ in results] == [200, 200, 200]
    assert {message["id"] for _, message in results} == {results[0][1]["id"]}
    assert results[0][1]["text"] == reading.text
    assert results[0][1]["status"] == "stopped"
    assert answers(browser.site, reading.run_id) == [reading.text]
    assert turns(browser.site, reading.start["client_message_id"]) == 1


async def test_the_retry_after_of_a_provider_is_passed_on(site: Site, browser: Browser) -> None:
    status, answer = await browser.call("POST", "/api/runs/wait", {"text": "/rate-limit after=60 passed on"})
    assert (status, answer["error"]["code"]) == (429, "rate_limited")
    reading = await browser.stream("/rate-limit after=60 passed on again")
    assert reading.end["retry_after"] == pytest.approx(60, abs=2)


async def test_a_model_that_never_starts_times_out(site: Site, alice: Member, upstream: Upstream) -> None:
    """It is asked three times, because nothing was shown yet; then the user gets an error."""
    prompts = ("/mute for ever", "/no-headers for ever")
    async with socket(site, alice) as connection:
        readings = [await connection.run(prompt) for prompt in prompts]
        await asyncio.gather(*(reading.ended(seconds=100) for reading in readings))
    for prompt, reading in zip(prompts, readings, strict=True):
        assert reading.end["code"] == "timeout"
        assert reading.text == ""
        assert len(upstream.exchanges(prompt)) == 3
        check_not_saved(site, reading)


@in_every_configuration
async def test_each_odd_but_complete_answer_is_saved(
    site: Site, alice: Member, browser: Browser, upstream: Upstream
) -> None:
    async with socket(site, alice) as connection:
        readings = {prompt: await connection.run(prompt) for prompt in WHOLE}
        await asyncio.gather(*(reading.ended(seconds=60) for reading in readings.values()))
    for prompt, reading in readings.items():
        expected: Any = WHOLE[prompt]
        if isinstance(expected, int):
            expected = numbered(prompt, expected)
        await check_saved(browser, reading, expected)
        assert not any("\ud800" <= character <= "\udfff" or character == "\0" for character in reading.text)
        retries = reading.names.count("status")
        assert len(upstream.exchanges(prompt)) == 1 + retries
        assert retries == (int(prompt[-1]) if "flaky" in prompt else 0), prompt


@in_every_configuration
async def test_a_surrogate_pair_in_two_deltas_is_one_character(browser: Browser) -> None:
    reading = await browser.stream("/surrogates pair")
    await check_saved(browser, reading)
    assert "😀" in reading.text
    assert LONE in reading.text


async def test_a_refused_run_leaves_its_conversation_usable(site: Site, alice: Member, browser: Browser) -> None:
    """The conversation has no row yet; its next message creates it."""
    async with socket(site, alice) as connection:
        failed = await connection.run("/eof after=3 usable")
        await failed.ended()
        check_not_saved(site, failed)
        again = await connection.run("/hello once more", conversation_id=failed.start["conversation_id"])
        await again.ended()
    assert again.start["conversation_id"] == failed.start["conversation_id"]
    await check_saved(browser, again)


@pytest.mark.parametrize("scheme", ["http refused", "https to a port that speaks no TLS"])
async def test_an_unreachable_server_is_an_error(
    scheme: str, start_site: StartSite, upstream: Upstream, http: aiohttp.ClientSession
) -> None:
    base_url = "http://127.0.0.1:9/v1" if "refused" in scheme else upstream.base_url.replace("http:", "https:")
    site = start_site(OPENAI_BASE_URL=base_url)
    browser = Browser(site, site.cast["alice"], http)
    reading = await browser.stream("Hello")
    assert (reading.outcome, reading.end["code"]) == ("error", "provider_unavailable")
    check_not_saved(site, reading)
    assert (await browser.call("GET", "/healthz"))[0] == 200
