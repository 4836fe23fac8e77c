"""python -m tests.upstreams [SERVER …]: print a line for each step; exit code 1 if a step failed."""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import Final

import aiohttp

from tests.faults.processes import Site
from tests.members import prepare
from tests.upstreams.accounts import make_account
from tests.upstreams.journey import SECONDS, Journey
from tests.upstreams.llama import Llama, TaggedLlama, ThinkingLlama
from tests.upstreams.servers import KEY, Aimock, AnthropicAimock, Litellm, ResponsesAimock, UpstreamServer

SERVERS: Final[dict[str, type[UpstreamServer]]] = {
    each.name: each for each in (Aimock, ResponsesAimock, AnthropicAimock, Litellm, Llama, ThinkingLlama, TaggedLlama)
}
# The test polls a server while it starts.
UNLIMITED: Final = {"CHAT_SENDS_PER_MINUTE": "10000", "CHAT_RUNS_PER_MINUTE": "10000"}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("servers", nargs="*", choices=[*SERVERS, []], help="all of them, if none is named")
    names = parser.parse_args().servers or list(SERVERS)
    with ExitStack() as stack:
        kept = os.environ.get("UPSTREAMS_DIR")
        folder = Path(kept or stack.enter_context(tempfile.TemporaryDirectory(prefix="upstreams-"))).absolute()
        failures = sum(tried(SERVERS[name](folder)) for name in names)
    print(f"{failures} failed" if failures else "all well")
    return 1 if failures else 0


def tried(server: UpstreamServer) -> int:
    """The number of failed steps."""
    server.install()
    with ExitStack() as stack:
        stack.callback(server.stop)
        server.start()
        data_dir = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="upstreams-site-")))
        site = Site(data_dir, prepare(data_dir), CHAT_TITLES="1", **server.settings, **UNLIMITED)
        if server.account:
            make_account(data_dir, kind=server.account, base_url=server.base_url, key=KEY)
        stack.callback(site.stop)
        site.start()
        failures = asyncio.run(walked(site, server))
        if failures:
            print(f"--- the site's log\n{site.log[-4000:]}\n--- {server.name}'s log\n{server.log[-4000:]}")
        return failures


async def walked(site: Site, server: UpstreamServer) -> int:
    failures = 0
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=2 * SECONDS)) as http:
        for name, step in Journey(site, server, http).steps.items():
            try:
                said = await step()
            except (AssertionError, aiohttp.ClientError, TimeoutError) as error:
                failures += 1
                print(f"{server.name:16} {name:18} FAILED {error!r}", flush=True)
            else:
                print(f"{server.name:16} {name:18} ok     {said}", flush=True)
    return failures


if __name__ == "__main__":
    sys.exit(main())
