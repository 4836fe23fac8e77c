"""docs/benchmarks.md, made of the results."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from bench import tools, turns
from bench.results import Results
from bench.streaming import DISTURBED
from bench.ways import Way

# The figures that were promised are of these loads.
_FEW_STREAMS: Final = 20
_PROMISED_STREAMS: Final = 200
_MANY_STREAMS: Final = 400

Cell = Callable[[Way, int], str]


@dataclass(frozen=True)
class About:
    """How the figures came about."""

    command: str
    machine: dict[str, str]
    versions: dict[str, str]
    loop: str
    rate: int
    window_seconds: float
    answer_rate: int
    is_pinned: bool
    parts: int = 1


def report(results: Results, about: About) -> str:
    reference = next((way for way in results.ways if way.is_reference), None)
    parts = [
        _introduction(results, about),
        "## Targets\n\n" + _promises(results, reference),
        f"## Streams of {about.rate} tokens per second\n",
        "CPU time of the server per token in µs; in brackets, how many times as much the reference takes:\n\n"
        + _by_load(results, lambda way, streams: _cost(results, reference, way, streams)),
        "Tokens: delay from the model to the client, median / 99th percentile in ms:\n\n"
        + _by_load(results, lambda way, streams: _pair(_values(results, way, streams, "p50", "p99"))),
        "First tokens of additional messages, the same:\n\n"
        + _by_load(results, lambda way, streams: _pair(_first(results, way, streams, "first"))),
        "From such a message to the request to the model (this includes accounts, history and limits, which the "
        "reference does not have), the same:\n\n"
        + _by_load(results, lambda way, streams: _pair(_first(results, way, streams, "first_asked"))),
        "Share of the tokens delivered in the time; below 100 %, the server falls further and further behind:\n\n"
        + _by_load(results, lambda way, streams: _share(results, way, streams)),
        "Bytes received per token, and tokens per event:\n\n"
        + _by_load(
            results,
            lambda way, streams: _pair(_values(results, way, streams, "bytes_per_token", "tokens_per_piece"), 1),
        ),
        "## A whole turn\n\nEverything that the server does for a message: authentication, limits, history, the "
        "request to the model, delivering the answer, saving it. Long turns: "
        f"{turns.WHOLE.streams} at once, each by a different user, {turns.WHOLE.tokens} tokens at {turns.WHOLE.rate} "
        f"a second; CPU time in µs per token. Short turns: {turns.WHOLE.short_tokens} tokens, one after the other; "
        "CPU time in ms. In brackets, the fraction of the reference's time:\n\n" + _turns(results, reference),
        *([tools.section(results.tools)] if results.tools else []),
        "## An idle WebSocket\n\nResident memory of the server per open socket, in KB (1,000 bytes):\n\n"
        + _idle(results),
        "## Bytes of one answer\n\nAs received, with all framing and headers; in brackets, what the client sent. "
        f"At {about.answer_rate:,} tokens per second, so events are fuller than above:\n\n" + _answers(results),
        "## Disturbances\n\n" + _disturbance(results),
    ]
    return "\n\n".join(part.strip() for part in parts) + "\n"


def _introduction(results: Results, about: About) -> str:
    trials = max(len(trials) for trials in results.trials.values())
    parts = f" in {about.parts} parts" if about.parts > 1 else ""
    where = (
        "The server has one core to itself; model and clients (and Redis) share the other"
        if about.is_pinned
        else "Server, model and clients share one core"
    )
    facts = "\n".join(f"| {name} | {value} |" for name, value in {**about.machine, **about.versions}.items())
    return f"""# Benchmarks

Made by `{about.command}`{parts}; nothing here is written by hand.

The server (`manage.py serve`) and a reference use the same fake model, which writes {about.rate} tokens per second
into each stream, one chunk and one write per token, at an uneven pace. The reference
([bench/reference](../bench/reference)) is the service from streaming tutorials: FastAPI, sse-starlette, the `openai`
package's own iteration, one event per token, under uvicorn with httptools. It has no accounts and stores nothing.
Each is one process on {about.loop}.

{where}.
CPU time is that of the server process, over windows of {about.window_seconds:g} s, without model and clients. It is
normalized to the core's usual speed in this run, which a small clock process next to the server measures all the
time. Each figure is the median of {trials} trials, in which the servers take turns, and ratios are from the
same round; first tokens are from all trials together. Each client is a different user, and acknowledges frames as
the site's page does. Delays include the clients' own.

| | |
| --- | --- |
{facts}"""


def _promises(results: Results, reference: Way | None) -> str:
    rows = []
    for log, bar in (("memory", 5), ("Redis", 3)):
        ratio = None
        if way := _way(results, "WebSocket", log):
            ratio = _ratio(results, reference, way, _PROMISED_STREAMS)
        bar_name = (
            f"CPU per token at {_PROMISED_STREAMS} streams, WebSocket, {log} log: at most 1/{bar} of the reference"
        )
        rows.append((bar_name, f"1/{ratio:.1f}" if ratio else None, ratio is not None and ratio >= bar))
    websocket = _way(results, "WebSocket", "memory")
    assert websocket is not None
    p99 = results.value(websocket, _MANY_STREAMS, "p99")
    delivered = results.value(websocket, _MANY_STREAMS, "delivered") or 0
    rows.append(
        (
            f"{_MANY_STREAMS} streams on one core, WebSocket, memory log: 99th percentile at most 150 ms",
            f"{p99:.0f} ms" if p99 is not None else None,
            p99 is not None and p99 <= 150 and delivered > 0.98,
        )
    )
    first = results.first(websocket, _FEW_STREAMS, 0.5)
    rows.append(
        (
            f"first token with {_FEW_STREAMS} other streams, WebSocket, memory log: median at most 15 ms",
            f"{first:.1f} ms" if first is not None else None,
            first is not None and first <= 15,
        )
    )
    idle = max((size for sizes in results.idle.values() for size in sizes.values()), default=None)
    rows.append(
        (
            "an idle WebSocket: at most 40 KB",
            f"{idle / 1000:.1f} KB" if idle is not None else None,
            idle is not None and idle <= 40_000,
        )
    )
    return _table(
        ["", "measured", ""],
        [
            [name, figure or "not measured", ("met" if met else "**not met**") if figure else ""]
            for name, figure, met in rows
        ],
    )


def _way(results: Results, transport: str, log: str) -> Way | None:
    return next((way for way in results.ways if (way.transport, way.log) == (transport, log)), None)


def _ratio(results: Results, reference: Way | None, way: Way, streams: int) -> float | None:
    return results.ratio(reference, way, streams) if reference else None


def _cost(results: Results, reference: Way | None, way: Way, streams: int) -> str:
    own = results.cpu_us(way, streams)
    if own is None:
        return "–"
    ratio = None if way.is_reference else _ratio(results, reference, way, streams)
    return f"{own:.0f} ({ratio:.1f})" if ratio else f"{own:.0f}"


def _values(results: Results, way: Way, streams: int, *names: str) -> list[float | None]:
    return [results.value(way, streams, name) for name in names]


def _first(results: Results, way: Way, streams: int, name: str) -> list[float | None]:
    return [results.first(way, streams, share, name) for share in (0.5, 0.99)]


def _share(results: Results, way: Way, streams: int) -> str:
    share = results.value(way, streams, "delivered")
    return "–" if share is None else f"{share:.0%}"


def _pair(values: Sequence[float | None], digits: int = 0) -> str:
    return " / ".join("–" if value is None else f"{value:,.{digits}f}" for value in values)


def _by_load(results: Results, cell: Cell) -> str:
    header = ["", *(f"{streams} stream{'s' * (streams != 1)}" for streams in results.streams)]
    return _table(header, [[way.name, *(cell(way, streams) for streams in results.streams)] for way in results.ways])


def _turns(results: Results, reference: Way | None) -> str:
    rows = []
    for way, costs in results.turns.items():
        long = f"{statistics.median(cost.long_us for cost in costs):.0f}"
        short = f"{statistics.median(cost.short_ms for cost in costs):.1f}"
        if reference and way != reference:
            theirs = results.turns.get(reference, [])
            long += f" ({turns.share(costs, theirs, 'long'):.2f})" if theirs else ""
            short += f" ({turns.share(costs, theirs, 'short'):.2f})" if theirs else ""
        rows.append([way.name, long, short])
    return _table(["", "long turns", "short turns"], rows)


def _idle(results: Results) -> str:
    counts = sorted({count for sizes in results.idle.values() for count in sizes})
    header = ["", *(f"{count:,} sockets" for count in counts)]
    rows = [
        [f"Chatsite, {log} log", *(f"{sizes[count] / 1000:.1f}" for count in counts)]
        for log, sizes in results.idle.items()
    ]
    return _table(header, rows)


def _answers(results: Results) -> str:
    counts = sorted({count for sizes in results.answers.values() for count in sizes})
    few, many = counts[0], counts[-1]
    header = ["", *(f"{count:,} tokens" for count in counts), "growth", "per token"]
    rows = [
        [
            way.name,
            *(f"{sizes[count].received:,} ({sizes[count].sent:,})" for count in counts),
            f"× {sizes[many].received / sizes[few].received:.1f} for × {many / few:.1f}",
            f"{sizes[many].received / many:.1f}",
        ]
        for way, sizes in results.answers.items()
    ]
    return _table(header, rows)


def _disturbance(results: Results) -> str:
    waited = [window.waited for window in results.all_windows]
    late = [window.late for window in results.all_windows]
    usual = results.speed_ns
    times = [window.speed_ns / usual for window in results.all_windows]
    lines = [
        f"- Other processes used the server's core for {statistics.median(waited):.0%} of a window (median; at worst "
        f"{max(waited):.0%}). A window with more than {DISTURBED:.0%} is measured again, at most twice.",
        f"- The same work took from {min(times):.0%} to {max(times):.0%} of the usual time.",
        f"- The model wrote 99 % of its tokens within {statistics.median(late):.0f} ms of their schedule (median; at "
        f"worst {max(late):.0f} ms).",
    ]
    lines += [f"- Could not be measured: {failure}" for failure in results.failures()]
    return "\n".join(lines)


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
