"""Invariants that hold after every run and every test, whatever happened to the connections (I1, I2, I5, I8)."""

from __future__ import annotations

import asyncio
import re
import uuid
from typing import Any, Final

from tests.faults.client import Browser
from tests.faults.processes import Site, Upstream
from tests.faults.reading import Reading

# Less than the site's timeout for a silent model, which would hide a connection that nobody closed.
UPSTREAM_CLOSED_SECONDS: Final = 10.0
POLL_SECONDS: Final = 0.02
NEVER_LOGGED: Final = ("Task exception was never retrieved", "took too long to shut down", "was never awaited")
# servestatic (4.4.0) closes a file twice if its client disconnects in the middle, the second time too late.
BROKEN_OFF: Final = re.compile(
    r"^.*Task exception was never retrieved\n(?:(?!.*\b(?:INFO|WARNING|ERROR)\b).*\n)*?"
    r".*servestatic/utils\.py.*\n(?:(?!.*\b(?:INFO|WARNING|ERROR)\b).*\n)*?"
    r"RuntimeError: cannot schedule new futures after shutdown\n",
    re.MULTILINE,
)


async def check_saved(browser: Browser, reading: Reading, text: str | None = None) -> None:
    """Check a finished run: the reader, the API and the database have the same text, in one turn."""
    assert reading.outcome == "done", f"{reading.outcome}: {reading.end}"
    if text is not None:
        assert reading.text == text
    path = f"/api/conversations/{reading.start['conversation_id']}/messages"
    messages: dict[str, Any] = {}
    cursor: str | None = ""
    # A long answer fills a page; its question is on the next one.
    while cursor is not None and not {reading.end["message_id"], reading.end["parent_id"]} <= messages.keys():
        status, page = await browser.call("GET", f"{path}?cursor={cursor}")
        assert status == 200, page
        messages |= {message["id"]: message for message in page["items"]}
        cursor = page["next"]
    answer = messages[reading.end["message_id"]]
    assert answer["text"] == reading.text
    assert answer["run_id"] == reading.run_id
    assert answer["status"] == reading.end["status"]
    assert answer["parent_id"] == reading.end["parent_id"]
    question = messages[answer["parent_id"]]
    assert question["text"] == reading.start["user_message"]["text"]
    # In a thread: in the event loop, other readers may have frames to acknowledge.
    assert await asyncio.to_thread(turns, browser.site, reading.start["client_message_id"]) == 1


def check_not_saved(site: Site, reading: Reading) -> None:
    """Check that a failed run left nothing in the database."""
    assert reading.outcome == "error", reading.outcome
    assert answers(site, reading.run_id) == []
    assert turns(site, reading.start["client_message_id"]) == 0


def turns(site: Site, client_message_id: str) -> int:
    """The number of questions with this id. Raises if one has no answer, or several."""
    identifier = uuid.UUID(client_message_id)
    questions = site.rows("SELECT id FROM chat_message WHERE client_message_id = ?", identifier)
    for (question,) in questions:
        answered = site.rows("SELECT id FROM chat_message WHERE parent_id = ? AND run_id IS NOT NULL", question)
        assert len(answered) == 1, f"{len(answered)} answers to one question"
    return len(questions)


def answers(site: Site, run_id: str) -> list[str]:
    """The saved texts of a run."""
    return [text for (text,) in site.rows("SELECT text FROM chat_message WHERE run_id = ?", uuid.UUID(run_id))]


def check_whole_turns(site: Site) -> None:
    """I2 for the whole database: no question without its answer, no answer without its question."""
    halves = site.rows(
        "SELECT m.id, m.role FROM chat_message m WHERE (m.role = 'user' AND NOT EXISTS "
        "(SELECT 1 FROM chat_message a WHERE a.parent_id = m.id)) OR (m.role = 'assistant' AND m.parent_id IS NULL)"
    )
    assert halves == []
    empty = site.rows(
        "SELECT id FROM chat_conversation c "
        "WHERE NOT EXISTS (SELECT 1 FROM chat_message m WHERE m.conversation_id = c.id)"
    )
    assert empty == []


async def upstream_closed(upstream: Upstream, *, seconds: float = UPSTREAM_CLOSED_SECONDS) -> None:
    """I5: wait until no request to the model is open, nor the connection of an aborted one."""
    deadline = asyncio.get_running_loop().time() + seconds
    while still_open := await asyncio.to_thread(open_requests, upstream):
        assert asyncio.get_running_loop().time() < deadline, f"still open: {still_open}"
        await asyncio.sleep(POLL_SECONDS)


def open_requests(upstream: Upstream) -> list[str]:
    """The prompts of requests that are being answered, or were aborted without closing their connection."""
    journal = upstream.journal()
    closed = {connection["number"]: connection["closed"] for connection in journal["connections"]}
    return [
        exchange["prompt"]
        for exchange in journal["exchanges"]
        if exchange["ended"] is None or (not exchange["complete"] and closed[exchange["connection"]] is None)
    ]


def check_log(log: str, *, expected: tuple[str, ...] = ()) -> None:
    """I8: there are no unexpected errors. `expected`: messages whose tracebacks the test provoked."""
    log = BROKEN_OFF.sub("", log)
    for line in NEVER_LOGGED:
        assert line not in log, log
    for part in log.split("Traceback (most recent call last)")[:-1]:
        cause = "\n".join(part.rstrip().splitlines()[-3:])
        chained = "During handling of the above exception" in cause or "was the direct cause" in cause
        assert chained or any(message in cause for message in expected), log
