"""Results that are kept, so that a whole can be measured in parts: where nobody has a machine to themselves for long.

Costs are compared within a part, where server and reference took turns.
"""

from __future__ import annotations

import pickle
from collections.abc import Sequence
from pathlib import Path

from bench.report import About
from bench.results import Results


def keep(path: Path, results: Results, about: About) -> None:
    path.write_bytes(pickle.dumps((results, about)))


def combined(paths: Sequence[Path]) -> tuple[Results, About]:
    """What was kept, as if it had been measured at once. Raises SystemExit if it is not of one machine and version."""
    kept: list[tuple[Results, About]] = [pickle.loads(path.read_bytes()) for path in paths]
    (whole, about), *further = kept
    for results, other in further:
        if (other.machine, other.versions, other.loop) != (about.machine, about.versions, about.loop):
            raise SystemExit("These parts are of different machines or versions.")
        whole.add(results)
    return whole, about
