"""The benchmark runs and reports every row. The figures depend on the machine, so they are not tested."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from redis import Redis

from bench import stamps
from bench.processes import reference_is_installed
from bench.stage import Stage
from bench.tools import WITH, Cost, Costs
from bench.ways import REFERENCE, ways
from chat.tools.loading import load
from tests.server.process import ROOT, clean_environment

# Only the benchmark needs the reference. In CI nothing may be skipped, so there the run installs it.
WITH_REFERENCE = os.environ.get("CI") == "true" or reference_is_installed()

# Enough to install the reference and run the benchmark on a machine that is busy with other tests.
SECONDS = 600


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> str:
    path: Path = tmp_path_factory.mktemp("bench") / "benchmarks.md"
    leaving_out = [] if WITH_REFERENCE else ["--without-reference"]
    command = [sys.executable, "-m", "bench", "--quick", "--output", str(path), *leaving_out]
    run = subprocess.run(
        command, cwd=ROOT, env=clean_environment(), capture_output=True, text=True, timeout=SECONDS, check=False
    )
    assert run.returncode == 0, run.stderr
    return path.read_text("utf-8")


def cells(report: str, name: str) -> list[list[str]]:
    """The cells of every table row with this name."""
    return [
        [cell.strip() for cell in line.strip("|").split("|")[1:]]
        for line in report.splitlines()
        if line.startswith(f"| {name} |")
    ]


def test_every_transport_has_every_row(report: str) -> None:
    for way in ways(with_redis="Redis log |" in report, with_reference=WITH_REFERENCE):
        rows = cells(report, way.name)
        assert len(rows) == 8, f"{way.name} is missing from a table"
        for row in rows:
            assert all(re.search(r"\d", cell) for cell in row), f"{way.name} lacks a figure: {row}"


def test_tools_are_compared_with_none(report: str) -> None:
    [without] = cells(report, "without tools")
    [with_tools] = cells(report, "with ten tools")
    for figure in (*without, *with_tools):
        assert float(figure.split()[0]) > 0
    assert all(re.search(r"\(\d+\.\d\d\)$", figure) for figure in with_tools)


def test_a_ratio_is_of_the_same_round() -> None:
    without = [Cost(2.0, 1.0, (3.0,)), Cost(8.0, 2.0, (5.0,)), Cost(2.0, 1.0, (1.0,))]
    with_tools = [Cost(3.0, 1.0, (6.0,)), Cost(8.0, 1.0, (5.0,)), Cost(2.0, 1.0, (3.0,))]
    costs = Costs(1, without, with_tools)
    assert costs.ratio(lambda cost: cost.cpu) == 1.5
    # 2, 4 and 2 ms at the usual pace.
    assert costs.cpu_ms(without) == 2.0
    assert costs.ratio(lambda cost: cost.first) == 2.0


def test_the_ten_tools_can_be_used() -> None:
    found = load(["bench.ten_tools"])
    assert not found.problems
    assert {tool.key for tool in found.tools} == set(WITH)
    assert len(WITH) == 10


def test_idle_sockets_and_guarantees_are_reported(report: str) -> None:
    [idle] = cells(report, "Chatsite, memory log")
    assert all(0 < float(figure) < 1000 for figure in idle)
    for promise in ("memory log: at most 1/5", "Redis log: at most 1/3", "at most 150 ms", "at most 40 KB"):
        assert promise in report
    assert "Could not be measured" not in report


def test_the_reference_is_reported_if_installed(report: str) -> None:
    assert (REFERENCE in report) == WITH_REFERENCE


@pytest.mark.redis
def test_a_server_starts_without_data_of_the_previous_one(tmp_path: Path) -> None:
    stage = Stage(tmp_path, people=1)
    try:
        redis = Redis.from_url(stage.redis_url)
        redis.set("chat:of-the-one-before", "anything")
        server = stage.site(redis=True)
        server.kill()
        assert not redis.exists("chat:of-the-one-before")
    finally:
        stage.close()


def test_a_token_tells_its_age() -> None:
    for written in (0, 1, 4095, 4096, 123_456_789, (1 << 24) - 3):
        text = stamps.token(written) + stamps.token(written + 4)
        assert stamps.delays(text, written + 7) == [7, 3]
