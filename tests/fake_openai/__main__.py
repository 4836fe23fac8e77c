"""python -m tests.fake_openai [--port N] [--models a,b]: prints the base URL, then serves until SIGINT or SIGTERM."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import signal
import sys

from tests.fake_openai.scripts import MODELS
from tests.fake_openai.server import FakeOpenAI


async def serve(port: int, models: tuple[str, ...]) -> None:
    ended = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, ended.set)
    async with FakeOpenAI(port=port, models=models) as server:
        sys.stdout.write(f"{server.base_url}\n")
        sys.stdout.flush()
        await ended.wait()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="0: any free port")
    parser.add_argument("--models", default=",".join(MODELS), help="names, separated by commas")
    arguments = parser.parse_args()
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(serve(arguments.port, tuple(filter(None, arguments.models.split(",")))))
