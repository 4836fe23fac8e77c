"""µs of CPU per streamed token: each vendor's package with its own iteration, and our provider, side by side.

    python -m bench.decoder [--streams 20] [--tokens 500] [--rate 50] [--rounds 3]

The fake servers run in processes of their own, so that only the client's CPU time is counted. Rounds alternate, and
the median counts, so that a busy machine is busy for all.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import aclosing, contextmanager

import anthropic
import openai

from chat.providers.anthropic.provider import AnthropicProvider
from chat.providers.base import Prompt, Provider, Request, TextDelta
from chat.providers.openai.chat import OpenAIProvider
from chat.providers.openai.responses import ResponsesProvider

Ask = Callable[[str], Awaitable[int]]


async def openais(client: openai.AsyncOpenAI, text: str) -> int:
    tokens = 0
    stream = await client.chat.completions.create(
        model="numbered", messages=[{"role": "user", "content": text}], stream=True
    )
    async with stream:
        async for chunk in stream:
            if chunk.choices and chunk.choices[0].delta.content:
                tokens += 1
    return tokens


async def anthropics(client: anthropic.AsyncAnthropic, text: str) -> int:
    tokens = 0
    stream = await client.messages.create(
        model="numbered", max_tokens=100_000, messages=[{"role": "user", "content": text}], stream=True
    )
    async with stream:
        async for event in stream:
            if event.type == "content_block_delta" and event.delta.type == "text_delta":
                tokens += 1
    return tokens


async def ours(provider: Provider, text: str) -> int:
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


async def measure(openai_url: str, anthropic_url: str, arguments: argparse.Namespace) -> None:
    openai_package = openai.AsyncOpenAI(
        base_url=openai_url,
        api_key="none",
        max_retries=0,
        http_client=openai.DefaultAioHttpClient(trust_env=False),
    )
    anthropic_package = anthropic.AsyncAnthropic(
        base_url=anthropic_url,
        api_key="none",
        max_retries=0,
        http_client=anthropic.DefaultAioHttpClient(trust_env=False),
    )
    openai_ours, anthropic_ours = OpenAIProvider(base_url=openai_url), AnthropicProvider(base_url=anthropic_url)
    responses_ours = ResponsesProvider(base_url=openai_url)
    ways: dict[str, Ask] = {
        "openai, its own iteration": lambda text: openais(openai_package, text),
        "chat.providers.openai.chat": lambda text: ours(openai_ours, text),
        "chat.providers.openai.responses": lambda text: ours(responses_ours, text),
        "anthropic, its own iteration": lambda text: anthropics(anthropic_package, text),
        "chat.providers.anthropic": lambda text: ours(anthropic_ours, text),
    }
    figures: dict[str, list[float]] = {name: [] for name in ways}
    for ask in ways.values():
        await cost(ask, 2, 50, 0)
    for _ in range(arguments.rounds):
        for name, ask in ways.items():
            figures[name].append(await cost(ask, arguments.streams, arguments.tokens, arguments.rate))
    for each in (openai_ours, openai_package, responses_ours, anthropic_ours, anthropic_package):
        await each.close()
    report({name: statistics.median(values) for name, values in figures.items()})


def report(medians: dict[str, float]) -> None:
    for name, median in medians.items():
        print(f"{name:32} {median:7.1f} µs/token")
    openais, openai_ours, responses_ours, anthropics, anthropic_ours = medians.values()
    print(f"{'openai: package / ours':32} {openais / openai_ours:7.2f}")
    print(f"{'anthropic: package / ours':32} {anthropics / anthropic_ours:7.2f}")
    print(f"{'ours: responses / chat':32} {responses_ours / openai_ours:7.2f}")
    print(f"{'ours: anthropic / chat':32} {anthropic_ours / openai_ours:7.2f}")


@contextmanager
def server(name: str) -> Iterator[str]:
    """The base URL of this fake server, running."""
    with subprocess.Popen([sys.executable, "-m", f"tests.{name}"], stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield process.stdout.readline().strip()
        finally:
            process.terminate()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--streams", type=int, default=20)
    parser.add_argument("--tokens", type=int, default=500)
    parser.add_argument("--rate", type=float, default=50, help="tokens per second and stream; 0: at once")
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    with server("fake_openai") as openai_url, server("fake_anthropic") as anthropic_url:
        asyncio.run(measure(openai_url, anthropic_url, arguments))


if __name__ == "__main__":
    main()
