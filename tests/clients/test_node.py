"""JavaScript clients read our streams over a connection that is cut in the middle."""

from __future__ import annotations

import asyncio
import json
import shutil
import urllib.request
from pathlib import Path
from typing import Final

import pytest

from tests.clients.reading import Read, answer_to, check_once, check_whole
from tests.clients.test_python import post
from tests.faults.processes import Site, Upstream
from tests.faults.proxy import proxy
from tests.members import Member
from tests.server.process import ROOT

SCRIPT: Final = Path(__file__).with_name("node.js")
PATIENCE_SECONDS: Final = 60
# In the middle of the answer's second chunk.
CUT_BYTES: Final = 24_000

needs_node = pytest.mark.skipif(
    shutil.which("node") is None or not (ROOT / "node_modules" / "eventsource").exists(),
    reason="needs Node.js and what package-lock.json names",
)


async def read_by(client: str, site: Site, member: Member, path: str, *, prompt: str = "") -> Read:
    async with proxy(site.port) as network:
        network.cut_after = CUT_BYTES
        mending = asyncio.create_task(_mend(network))
        arguments = [client, f"http://127.0.0.1:{network.port}{path}", member.token, *([prompt] if prompt else [])]
        node = await asyncio.create_subprocess_exec("node", str(SCRIPT), *arguments, stdout=asyncio.subprocess.PIPE)
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                output, _ = await node.communicate()
        finally:
            mending.cancel()
            if node.returncode is None:
                node.kill()
                await node.wait()
        assert node.returncode == 0
        assert network.cuts == 1
    return [(name, data) for name, data in json.loads(output)]


async def _mend(network: object) -> None:
    while not network.cuts:  # type: ignore[attr-defined]
        await asyncio.sleep(0.001)
    network.cut_after = None  # type: ignore[attr-defined]


@needs_node
async def test_a_client_that_repeats_its_post_continues_its_run(site: Site, alice: Member, upstream: Upstream) -> None:
    prompt = "/big size=100000 fetch-event-source"
    check_whole(await read_by("fetch-event-source", site, alice, "/api/runs/stream", prompt=prompt), answer_to(prompt))
    check_once(site, upstream, prompt)


@needs_node
@pytest.mark.parametrize("client", ["eventsource", "reconnecting-eventsource"])
@pytest.mark.parametrize("query", ["", "?after={epoch}.0"])
async def test_an_event_source_resumes_where_it_was(client: str, query: str, site: Site, alice: Member) -> None:
    prompt = f"/big size=100000 {client} {len(query)}"
    saved = await asyncio.to_thread(post, site, alice, "/api/runs/wait", {"text": prompt})
    path = f"/api/runs/{saved['run_id']}/events"
    epoch = (await asyncio.to_thread(_epoch, site, alice, saved["run_id"])) if query else ""

    read = await read_by(client, site, alice, path + query.format(epoch=epoch))

    check_whole(read, answer_to(prompt))


def _epoch(site: Site, member: Member, run_id: str) -> str:
    request = urllib.request.Request(f"{site.url}/api/runs", headers=member.bearer)
    with urllib.request.urlopen(request, timeout=PATIENCE_SECONDS) as response:
        items = json.load(response)["items"]
    (cursor,) = [run["cursor"] for run in items if run["run_id"] == run_id]
    return str(cursor).partition(".")[0]
