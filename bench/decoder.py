"""µs of CPU per streamed token: the openai package's own iteration, and ours of each API, side by side.

    python -m bench.decoder [--streams 20] [--tokens 500] [--rate 50] [--rounds 3]

The fake server runs in a process of its own, so that only the client's CPU time is counted. Rounds alternate, and the
median counts, so that a busy machine is busy for both.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from contextlib import aclosing

import openai

from chat.providers.base import Prompt, Request, TextDelta
from chat.providers.openai.chat import OpenAIProvider
from chat.providers.openai.responses import ResponsesProvider

Ask = Callable[[str], Awaitable[int]]


async def theirs(client: openai.AsyncOpenAI, text: str) -> int:
    tokens = 0
    stream = await client.chat.completions.create(
        model="numbered", messages=[{"role": "user", "content": text}], stream=True
    )
    async with stream:
        async for chunk in stream:
            if chunk.choices and chunk.choices[0].delta.content:
                tokens += 1
    return tokens


async def ours(provider: OpenAIProvider, text: str) -> int:
    tokens = 0
    async with aclosing(provider.stream(Request("numbered", (Prompt("user", text),)))) as deltas:
        async for delta in deltas:
            if isinstance(delta, TextDelta):
                tokens += delta.pieces
    return tokens


async def cost(ask: Ask, streams: int, tokens: int, rate: float) -> float:
    """µs of this process's CPU per token."""
    began = time.process_time()
    texts = [f"stream {number} count={tokens} rate={rate}" for number in range(streams)]
    counts = await asyncio.gather(*map(ask, texts))
    spent = time.process_time() - began
    if counts != [tokens] * streams:
        raise SystemExit(f"wrong number of tokens: {counts}")
    return spent / (streams * tokens) * 1e6


async def measure(base_url: str, arguments: argparse.Namespace) -> None:
    http_client = openai.DefaultAioHttpClient(trust_env=False)
    client = openai.AsyncOpenAI(base_url=base_url, api_key="none", max_retries=0, http_client=http_client)
    provider, responses = OpenAIProvider(base_url=base_url), ResponsesProvider(base_url=base_url)
    ways: dict[str, Ask] = {
        "openai, its own iteration": lambda text: theirs(client, text),
        "chat.providers.openai.chat": lambda text: ours(provider, text),
        "chat.providers.openai.responses": lambda text: ours(responses, text),
    }
    figures: dict[str, list[float]] = {name: [] for name in ways}
    for ask in ways.values():
        await cost(ask, 2, 50, 0)
    for _ in range(arguments.rounds):
        for name, ask in ways.items():
            figures[name].append(await cost(ask, arguments.streams, arguments.tokens, arguments.rate))
    await provider.close()
    await responses.close()
    await client.close()
    medians = [statistics.median(values) for values in figures.values()]
    for name, median in zip(figures, medians, strict=True):
        print(f"{name:32} {median:7.1f} µs/token")
    print(f"{'openai to ours':32} {medians[0] / medians[1]:7.2f}")
    print(f"{'responses to chat':32} {medians[2] / medians[1]:7.2f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--streams", type=int, default=20)
    parser.add_argument("--tokens", type=int, default=500)
    parser.add_argument("--rate", type=float, default=50, help="tokens per second and stream; 0: at once")
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    command = [sys.executable, "-m", "tests.fake_openai"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            asyncio.run(measure(server.stdout.readline().strip(), arguments))
        finally:
            server.terminate()


if __name__ == "__main__":
    main()
