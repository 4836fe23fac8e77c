"""bin/faults [ROW …] [--trials N] [--seed S]: run each row many times and print failures / trials.

The same seed does the same things at the same moments, as far as a busy machine allows. Zero failures in n trials are
printed with a bound of 3/n: with 95 % confidence, the failure rate is below it.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import platform
import random
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from statistics import quantiles
from typing import Final

import aiohttp

from tests.faults.cluster import Cluster
from tests.faults.invariants import check_log, check_whole_turns, upstream_closed
from tests.faults.processes import Upstream
from tests.faults.rows import deaf
from tests.faults.rows.abuse import abuse
from tests.faults.rows.commits import kill_in_commit
from tests.faults.rows.database_faults import any_database_fault
from tests.faults.rows.deaf import stalled_readers
from tests.faults.rows.drains import deploy, drain_owner
from tests.faults.rows.kills import kill_owner
from tests.faults.rows.redis_faults import any_fault
from tests.faults.rows.rig import Rig, Trial
from tests.faults.rows.soak import soak
from tests.faults.rows.storms import storm
from tests.faults.settings import REAL_LIMITS, SETTINGS


@dataclass(frozen=True)
class Row:
    """`trials`: their default number. `settings`: the site's, for this row. `wired`, `durable`: see Cluster."""

    title: str
    one_round: Callable[[Rig], Awaitable[list[Trial]]]
    trials: int
    settings: Mapping[str, str] = field(default_factory=dict)
    wired: bool = False
    durable: bool = False


ROWS: Final[dict[str, Row]] = {
    "kill": Row("5, R1: kill -9 of the server that owns the answers", kill_owner, 200),
    "drain": Row("23, R16: SIGTERM to the server that owns the answers", drain_owner, 200),
    "deploy": Row("R16: SIGTERM with 200 answers running", deploy, 200, {"CHAT_LIVE_RUNS_PER_USER": "1000"}),
    "commit": Row("7, R2: kill -9 before, inside and after the transaction", kill_in_commit, 200),
    "database": Row("22, R3, R4: PostgreSQL restarted, killed, away", any_database_fault, 200, durable=True),
    "storm": Row("R14: 1,000 sockets, and a server that goes", storm, 400),
    "redis": Row("16, R6, R8: Redis restarted, emptied, replaced, frozen, out of reach", any_fault, 100, wired=True),
    "deaf": Row("13 to 15: 50 sockets and 50 SSE readers that do not read 3 MB", stalled_readers, 6, deaf.SETTINGS),
    "abuse": Row("S12, S13: one user does the worst that the limits allow, beside another", abuse, 2, REAL_LIMITS),
    "soak": Row("25, R20: people with bad habits and bad networks, while servers are killed", soak, 500),
}


async def measure(name: str, *, trials: int, seed: int) -> bool:
    """Return whether no trial failed or was late."""
    row = ROWS[name]
    began = time.monotonic()
    done: list[Trial] = []
    with ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="faults-")))
        upstream = Upstream(directory / "upstream.log")
        stack.callback(upstream.stop)
        site = Cluster(
            OPENAI_BASE_URL=upstream.base_url, wired=row.wired, durable=row.durable, **{**SETTINGS, **row.settings}
        )
        stack.callback(site.stop)
        site.start()
        connector = aiohttp.TCPConnector(limit=0, force_close=True)
        async with aiohttp.ClientSession(connector=connector, timeout=aiohttp.ClientTimeout(total=90)) as http:
            rig = Rig(site, upstream, http, random.Random(f"{name} {seed}"))
            while len(done) < trials:
                found = await row.one_round(rig)
                done += found
                for trial in found:
                    if trial.note:
                        print(f"  {trial.what}: {trial.note}", flush=True)
                    if trial.failure:
                        print(f"  {trial.what}\n    {trial.failure}", flush=True)
                if any(trial.failure for trial in found):
                    print(f"  what the servers have written: {_kept(name, site.log)}", flush=True)
                await upstream_closed(upstream, seconds=30)
                check_whole_turns(site)
                site.until_ready()
                print(f"  {name}: {_score(done)}", end="\r", file=sys.stderr, flush=True)
        written = site.log
    check_log(written, expected=site.expected)
    print(
        f"{name} ({row.title}), seed {seed}: {_score(done)}{_waited(done)}, {time.monotonic() - began:.0f} s",
        flush=True,
    )
    return not any(trial.failure or trial.late for trial in done)


def _kept(name: str, log: str) -> Path:
    path = Path(tempfile.mkstemp(prefix=f"faults-{name}-", suffix=".log")[1])
    path.write_text(log)
    return path


def _score(trials: list[Trial]) -> str:
    failures = sum(bool(trial.failure) for trial in trials)
    bound = "" if failures else f" (below {3 / max(1, len(trials)):.2%})"
    late = sum(trial.late for trial in trials)
    return f"{failures} / {len(trials)}{bound}{f', {late} late' if late else ''}"


def _waited(trials: list[Trial]) -> str:
    """The median, the 95th percentile and the maximum of the waits."""
    waits = sorted(trial.seconds for trial in trials if trial.seconds is not None)
    if len(waits) < 2:
        return ""
    cuts = quantiles(waits, n=20)
    return f", waits p50 {cuts[9]:.1f} s, p95 {cuts[18]:.1f} s, longest {waits[-1]:.1f} s"


def main() -> int:
    parser = argparse.ArgumentParser(prog="bin/faults", description=__doc__.partition("\n")[0])
    parser.add_argument("rows", nargs="*", metavar="ROW", help=f"of {', '.join(ROWS)}; all if none is named")
    parser.add_argument("--trials", type=int, help="for each row, instead of its own number")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    if unknown := set(arguments.rows) - set(ROWS):
        parser.error(f"no such row: {', '.join(sorted(unknown))}")
    print(f"{platform.system()} {platform.release()}, {os.cpu_count()} cores, Python {platform.python_version()}")
    good = True
    for name in arguments.rows or ROWS:
        good &= asyncio.run(measure(name, trials=arguments.trials or ROWS[name].trials, seed=arguments.seed))
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
