"""One build and one start for all tests here. A test that changes the running containers restores them."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Final

import aiohttp
import pytest

from tests.compose import engine as engines
from tests.compose.engine import Engine
from tests.compose.stack import Stack, clone, wait_until
from tests.faults.client import Browser
from tests.members import Member

HERE: Final = Path(__file__).parent
MINUTE: Final = 60.0


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.is_relative_to(HERE):
            item.add_marker("compose")


@pytest.fixture(scope="session")
def engine() -> Iterator[Engine]:
    """Without an engine the tests are skipped; in CI they fail."""
    with engines.only_one():
        try:
            engine = engines.find()
        except engines.NoEngine as error:
            if os.environ.get("CI") == "true":
                pytest.fail(str(error), pytrace=False)
            pytest.skip(str(error))
        yield engine
        engine.stop()


@pytest.fixture(scope="session")
def stack(engine: Engine) -> Iterator[Stack]:
    """Built, started with `docker compose up`, and answering. `started_in`: seconds until it answered."""
    # Not pytest's directory: its name would become the project's name, and the engine may not see it.
    directory = Path(tempfile.mkdtemp(prefix="chatsite-clone-"))
    with ExitStack() as stack_of_things:
        stack_of_things.callback(shutil.rmtree, directory)
        stack = Stack(engine, clone(directory))
        engine.prepare_build(stack.images())
        stack.build()
        engine.prepare_run()
        # Left over from an interrupted run.
        stack.down("--volumes")
        stack.port = stack_of_things.enter_context(engine.forward(stack.published))
        stack_of_things.callback(stack.down, "--volumes", "--timeout", "5")
        began = time.monotonic()
        stack.compose("up", "--detach", "--no-build")
        wait_until(stack.answers, seconds=4 * MINUTE)
        stack.started_in = time.monotonic() - began
        try:
            stack.up()
            yield stack
        finally:
            # pytest shows this if a test has failed.
            for command in (("ps", "--all"), ("logs", "--no-color", "--timestamps")):
                sys.stdout.write(stack.compose(*command, check=False))


@pytest.fixture(scope="session")
def alice(stack: Stack) -> Member:
    return stack.member("alice")


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    connector = aiohttp.TCPConnector(limit=0, force_close=True)
    async with aiohttp.ClientSession(connector=connector, timeout=aiohttp.ClientTimeout(total=240)) as http:
        yield http


@pytest.fixture
def browser(stack: Stack, alice: Member, http: aiohttp.ClientSession) -> Browser:
    return Browser(stack, alice, http)  # type: ignore[arg-type]
