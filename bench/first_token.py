"""Milliseconds that the server adds to the first token: from the upstream's first piece to the client's frame.

    python -m bench.first_token [--streams 20] [--rate 50] [--samples 60] [--rounds 3]

While `--streams` answers stream to readers of their own, further messages are sent one after another and timed. Model,
site and clients are processes of one machine, so their monotonic clocks are one clock. Rounds alternate between the
WebSocket, SSE, and a client that asks the model itself: what that one measures is the machine, not the server.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import aiohttp

from chat.protocol.sse import Decoder
from tests.faults.client import socket as open_socket
from tests.faults.processes import Site, Upstream
from tests.members import prepare

LIMITS = {
    "CHAT_SENDS_PER_MINUTE": "1000000",
    "CHAT_LIVE_RUNS_PER_USER": "1000",
    "CHAT_FRAMES_PER_SECOND": "100000",
    "CHAT_FRAMES_PER_SECOND_PER_USER": "100000",
    "CHAT_SOCKETS_PER_USER": "100000",
    "CHAT_STREAMS_PER_USER": "100000",
}

# (when the first text came, the prompt by which the model's journal knows the request)
Sample = tuple[float, str]
Measure = Callable[[str], Awaitable[float]]


class Transports:
    """One message each way; returns the time at which the first text was there."""

    def __init__(self, site: Site, upstream: Upstream, http: aiohttp.ClientSession) -> None:
        self._site = site
        self._upstream = upstream
        self._http = http
        self._user = site.cast["alice"]

    async def websocket(self, prompt: str) -> float:
        headers = {**self._user.cookie, "Origin": self._site.url}
        async with self._http.ws_connect(f"{self._site.url}/ws/chat", headers=headers) as socket:
            await socket.receive()
            await socket.send_json({"type": "send", "ref": 1, "text": prompt})
            async for message in socket:
                frame = message.json()
                if frame["type"] == "events" and any(event["event"] == "token" for event in frame["events"]):
                    return time.monotonic()
        raise AssertionError("the socket closed before the first token")

    async def sse(self, prompt: str) -> float:
        decoder = Decoder()
        url = f"{self._site.url}/api/runs/stream"
        async with self._http.post(url, json={"text": prompt}, headers=self._user.bearer) as response:
            async for chunk in response.content.iter_any():
                if any(event.event == "token" for event in decoder.feed(chunk)):
                    return time.monotonic()
        raise AssertionError("the stream ended before the first token")

    async def directly(self, prompt: str) -> float:
        body = {"model": "fake-large", "stream": True, "messages": [{"role": "user", "content": prompt}]}
        url = f"{self._upstream.base_url}/chat/completions"
        async with self._http.post(url, json=body) as response:
            async for chunk in response.content.iter_any():
                if b'"content"' in chunk:
                    return time.monotonic()
        raise AssertionError("the model ended before its first token")


async def background(site: Site, number: int, rate: int) -> None:
    """A reader of its own for an answer that outlasts the measurement."""
    async with open_socket(site, site.cast["bob"]) as socket:
        await socket.send(f"/numbered count=1000000 rate={rate} background={number}")
        await asyncio.Event().wait()


async def measure(arguments: argparse.Namespace, site: Site, upstream: Upstream) -> dict[str, list[float]]:
    async with aiohttp.ClientSession() as http:
        transports = Transports(site, upstream, http)
        ways: dict[str, Measure] = {
            "WebSocket": transports.websocket,
            "SSE": transports.sse,
            "the model itself": transports.directly,
        }
        running = [asyncio.create_task(background(site, n, arguments.rate)) for n in range(arguments.streams)]
        await asyncio.to_thread(wait_for_streams, upstream, arguments.streams)
        arrived: dict[str, list[Sample]] = {name: [] for name in ways}
        for round_number in range(arguments.rounds):
            for name, way in ways.items():
                for sample in range(arguments.samples // arguments.rounds):
                    # Never two at the same phase of the model's ticks.
                    await asyncio.sleep(0.013 * (sample % 7) / 7)
                    prompt = f"/numbered count=40 rate={arguments.rate} {name} {round_number} {sample}"
                    arrived[name].append((await way(prompt), prompt))
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
    journal = await asyncio.to_thread(upstream.journal)
    sent = {exchange["prompt"]: exchange["sent"][0][0] for exchange in journal["exchanges"] if exchange["sent"]}
    return {name: [(when - sent[prompt]) * 1000 for when, prompt in samples] for name, samples in arrived.items()}


def wait_for_streams(upstream: Upstream, count: int) -> None:
    deadline = time.monotonic() + 60
    while sum(len(exchange["sent"]) > 1 for exchange in upstream.journal()["exchanges"]) < count:
        if time.monotonic() > deadline:
            raise AssertionError("the background streams do not start")
        time.sleep(0.1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--streams", type=int, default=20)
    parser.add_argument("--rate", type=int, default=50, help="tokens per second of each stream")
    parser.add_argument("--samples", type=int, default=60, help="messages per transport")
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder)
        upstream = Upstream(data / "upstream.log")
        site = Site(data, prepare(data), OPENAI_BASE_URL=upstream.base_url, **LIMITS)
        try:
            site.start()
            delays = asyncio.run(measure(arguments, site, upstream))
        finally:
            site.stop()
            upstream.stop()
    machine = statistics.median(delays["the model itself"])
    print(f"{arguments.streams} streams of {arguments.rate} tokens/s; ms from the model's first piece to the client")
    print(f"{'way':<18}{'median':>9}{'p90':>9}{'added (median)':>16}{'ratio':>8}")
    for name, values in delays.items():
        median, p90 = statistics.median(values), statistics.quantiles(values, n=10)[-1]
        print(f"{name:<18}{median:>9.2f}{p90:>9.2f}{median - machine:>16.2f}{median / machine:>8.1f}")


if __name__ == "__main__":
    main()
