"""python -m bench: what this server costs and adds, beside the service of the streaming tutorials.

One run on one machine, ten minutes at most; the results go to docs/benchmarks.md. Linux only. Redis is measured where
redis-server is installed. The reference's packages are installed into .venv-bench. Or in parts:

    python -m bench --part streams --rounds 1 --keep round1    as often as wanted
    python -m bench --part sizes --keep sizes
    python -m bench --combine round1 … sizes
"""

from __future__ import annotations

import argparse
import asyncio
import importlib.metadata
import itertools
import os
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from bench import machine, processes, tools, turns
from bench.parts import combined, keep
from bench.processes import Server
from bench.report import About, report
from bench.results import Results
from bench.sizes import answer_bytes, idle_bytes
from bench.stage import Stage
from bench.streaming import Load, Trial, measure
from bench.turns import Turns
from bench.ways import Way, ways
from tests.server.process import ROOT

SHOWN = ROOT / "docs" / "benchmarks.md"


@dataclass(frozen=True)
class Plan:
    """What is measured, and the time that further rounds may take."""

    load: Load
    rounds: int
    idle: tuple[int, ...]
    answers: tuple[int, ...]
    answer_rate: int
    turns: Turns
    tools: tools.Turns
    seconds: float


WHOLE = Plan(
    load=Load((1, 20, 50, 200, 400), rate=50, settle_seconds=0.5, window_seconds=2.5, probes=15, keeps_up=0.97),
    rounds=3,
    idle=(2000, 5000),
    answers=(2_000, 32_000),
    answer_rate=3000,
    turns=turns.WHOLE,
    tools=tools.WHOLE,
    seconds=540,
)
# Enough to see that everything works; the figures mean little.
QUICK = Plan(
    # So few streams that nothing falls behind for good: a machine that is busy with other things may well stand still.
    load=Load((1, 5), rate=50, settle_seconds=0.1, window_seconds=0.5, probes=3, keeps_up=0.0),
    rounds=1,
    idle=(40, 100),
    answers=(200, 3_200),
    answer_rate=3000,
    turns=turns.QUICK,
    tools=tools.QUICK,
    seconds=90,
)


async def run(stage: Stage, plan: Plan, *, part: str, with_reference: bool) -> Results:
    """One round of everything, then further rounds of the streams while there is time. `part`: of what, if not all."""
    ended = time.monotonic() + plan.seconds
    chosen = ways(with_redis=stage.with_redis, with_reference=with_reference)
    results = Results(chosen, plan.load.streams)
    longest = 0.0
    if part == "sizes":
        await measure_sizes(stage, plan, results)
        return results
    for number in range(plan.rounds):
        for way in chosen:
            if number and time.monotonic() + longest > ended:
                return results
            began = time.monotonic()
            trial = await measure(stage, way, plan.load)
            results.trials.setdefault(way, []).append(trial)
            show(way, trial)
            cost = await turns.measure(stage, way, plan.turns)
            results.turns.setdefault(way, []).append(cost)
            say(turns.show(way, cost))
            longest = max(longest, time.monotonic() - began)
        if number == 0 and part != "streams":
            await measure_sizes(stage, plan, results)
    return results


async def measure_sizes(stage: Stage, plan: Plan, results: Results) -> None:
    results.tools = await tools.measure(stage, plan.tools)
    say(tools.section(results.tools))
    for log, ways_of_log in itertools.groupby(results.ways, key=lambda way: way.log):
        chosen = list(ways_of_log)
        if log:
            async with started(chosen[0], stage) as server:
                results.idle[log] = await idle_bytes(server, stage.people, plan.idle)
            say(f"idle sockets, {log} log: {results.idle[log]}")
        # A server of their own: that one still has thousands of goodbyes to see to.
        async with started(chosen[0], stage) as server:
            for way in chosen:
                results.answers[way] = await answer_bytes(server, way, stage.people[0], plan.answers, plan.answer_rate)
                say(f"{way.name}: {results.answers[way]}")


@asynccontextmanager
async def started(way: Way, stage: Stage) -> AsyncIterator[Server]:
    server = await asyncio.to_thread(way.start, stage)
    try:
        yield server
    finally:
        server.kill()


def show(way: Way, trial: Trial) -> None:
    for streams, window in trial.windows.items():
        say(
            f"{way.name:<32} {streams:>4} streams: {window.cpu_us:5.0f} µs/token, {window.delivered:4.0%}, "
            f"{window.p50:5.0f} / {window.p99:5.0f} ms, core taken {window.waited:.0%}, pace {window.speed_ns:,.0f} ns"
        )
    if trial.failure:
        say(f"{way.name}: {trial.failure}")


def say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def about(arguments: argparse.Namespace, plan: Plan, stage: Stage, *, with_reference: bool) -> About:
    names = ("django", "channels", "daphne", "twisted", "autobahn", "aiohttp", "openai")
    versions = {"Packages": ", ".join(f"{name} {importlib.metadata.version(name)}" for name in names)}
    if with_reference:
        theirs = processes.reference_versions()
        versions["The reference's"] = ", ".join(f"{name} {version}" for name, version in theirs.items())
    return About(
        command="python -m bench" + (" --quick" if arguments.quick else ""),
        machine=machine.description(),
        versions=versions,
        loop="uvloop" if processes.uses_uvloop() else "asyncio's own event loop (no uvloop)",
        rate=plan.load.rate,
        window_seconds=plan.load.window_seconds,
        answer_rate=plan.answer_rate,
        is_pinned=stage.server_cores != stage.other_cores,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a small load for a minute, to see that it works")
    parser.add_argument("--rounds", type=int, help="trials of each figure, at most")
    parser.add_argument("--output", type=Path, help="where the results go (docs/benchmarks.md; --quick prints them)")
    parser.add_argument("--part", choices=("streams", "sizes"), default="", help="measure only that; see --keep")
    parser.add_argument("--keep", type=Path, help="keep the results in this file, to be combined with others")
    parser.add_argument("--combine", type=Path, nargs="+", help="measure nothing: report what these files have kept")
    parser.add_argument("--without-reference", action="store_true", help="measure this server alone")
    arguments = parser.parse_args()
    if arguments.combine:
        results, known = combined(arguments.combine)
        write(report(results, replace(known, parts=len(arguments.combine))), arguments)
        return
    if arguments.part and not arguments.keep:
        parser.error("A part of the results is no report: --keep it.")
    plan = QUICK if arguments.quick else WHOLE
    if arguments.rounds:
        plan = Plan(**{**vars(plan), "rounds": arguments.rounds})
    with_reference = not arguments.without_reference
    if with_reference:
        processes.install_reference()
    machine.allow_open_files()
    with tempfile.TemporaryDirectory(prefix="bench-", ignore_cleanup_errors=True) as folder:
        stage = Stage(Path(folder), people=max(plan.load.streams) + plan.load.probes)
        try:
            os.sched_setaffinity(0, stage.other_cores)
            results = asyncio.run(run(stage, plan, part=arguments.part, with_reference=with_reference))
            known = about(arguments, plan, stage, with_reference=with_reference)
        finally:
            stage.close()
    if arguments.keep:
        keep(arguments.keep, results, known)
    else:
        write(report(results, known), arguments)


def write(text: str, arguments: argparse.Namespace) -> None:
    if arguments.output is None and arguments.quick:
        print(text)
    else:
        (arguments.output or SHOWN).write_text(text, "utf-8")


if __name__ == "__main__":
    main()
