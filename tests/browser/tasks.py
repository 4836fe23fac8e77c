"""How long the tasks of a page's main thread take of the processor, layout and painting included."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final

from playwright.async_api import Page

MICROSECONDS: Final = 1_000_000


@asynccontextmanager
async def traced(page: Page) -> AsyncIterator[list[float]]:
    """Yields a list. After the block, it contains the seconds of each task that ran in it."""
    browser = page.context.browser
    assert browser
    await browser.start_tracing(page=page, categories=["toplevel"])
    tasks: list[float] = []
    try:
        yield tasks
    finally:
        tasks += task_seconds(await browser.stop_tracing())
    assert tasks, "no task was traced"


def task_seconds(trace: bytes) -> list[float]:
    """Of the main threads' tasks, in a trace of Chromium's category "toplevel"."""
    events: list[dict[str, Any]] = json.loads(trace)["traceEvents"]
    main = {
        (event["pid"], event["tid"])
        for event in events
        if event["name"] == "thread_name" and event["args"]["name"] == "CrRendererMain"
    }
    return [
        event["tdur"] / MICROSECONDS
        for event in events
        if event["name"].endswith("RunTask") and "tdur" in event and (event["pid"], event["tid"]) in main
    ]
