"""The rendering benchmark reports every ratio. The figures depend on the machine, so they are not tested."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

from bench.rendering import mixed
from tests.server.process import ROOT, clean_environment

SECONDS = 300


@pytest.mark.browser
def test_every_ratio_is_reported() -> None:
    command = [sys.executable, "-m", "bench.rendering", "--small", "2000", "--large", "6000", "--rounds", "1"]
    run = subprocess.run(
        command, cwd=ROOT, env=clean_environment(), capture_output=True, text=True, timeout=SECONDS, check=False
    )

    assert "Traceback" not in run.stderr, run.stderr
    rows = run.stdout.splitlines()
    assert len(rows) == 3, run.stdout + run.stderr
    for row, name in zip(rows, ("time per KB", "the tutorials' way", "longest task"), strict=True):
        assert row.startswith(name)
        assert re.search(r" \d+(\.\d+)?( ms)? +[≤≥] .* (holds|DOES NOT HOLD)$", row)
    assert run.returncode == (1 if "DOES NOT HOLD" in run.stdout else 0)


def test_the_text_is_mixed_and_has_the_requested_length() -> None:
    text = mixed(30_000)

    assert len(text) == 30_000
    for markup in ("```python", "| --- |", "$$", "- [x]", "> "):
        assert markup in text
