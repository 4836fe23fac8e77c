"""The drivers report page errors and isolate windows, as the journeys expect."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.engines.reader import Reader
from tests.engines.window import Engine
from tests.faults.processes import Site
from tests.members import Member

COMPLAIN = """() => {
  console.error("told", 1);
  setTimeout(() => { throw new Error("thrown"); });
  Promise.reject(new Error("refused"));
  new Image().src = "http://127.0.0.1:9/forbidden.png";
}"""

SEEN = """() =>
  [document.cookie, localStorage.getItem("mine"), innerWidth, innerHeight, matchMedia("(hover: hover)").matches,
   location.pathname]"""


async def test_page_problems_are_recorded(reader: Reader) -> None:
    await reader.window.run(COMPLAIN)
    await reader.window.reload()
    assert all(
        any(words in problem for problem in reader.problems)
        for words in ("told 1", "thrown", "refused", "policy: img-src http://127.0.0.1:9/forbidden.png")
    ), reader.problems
    reader.expect("told", "thrown", "refused", "img-src")


async def test_a_script_error_is_raised(reader: Reader) -> None:
    with pytest.raises(Exception, match="no such luck"):
        await reader.window.run("async () => { throw new Error('no such luck'); }")


async def test_each_window_has_its_own_session(engine: Engine, site: Site, guests: Iterator[Member]) -> None:
    for _ in range(2):
        async with engine.window() as window:
            reader = Reader(window, site.url, next(guests))
            await window.go(f"{site.url}/healthz")
            assert await window.run(SEEN) == ["", None, 1280, 800, True, "/healthz"]
            await reader.sign_in()
            await reader.open()
            await window.run("() => localStorage.setItem('mine', 'yes')")
