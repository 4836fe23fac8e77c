"""What was measured, and the figures that are made of it: medians over the trials."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field

from bench.sizes import OnTheWire
from bench.streaming import Trial, Window, percentile
from bench.tools import Costs
from bench.turns import Cost
from bench.ways import Way


@dataclass
class Results:
    """`idle` is by log, `answers` by way; both then by count."""

    ways: Sequence[Way]
    streams: Sequence[int]
    trials: dict[Way, list[Trial]] = field(default_factory=dict)
    idle: dict[str, dict[int, float]] = field(default_factory=dict)
    answers: dict[Way, dict[int, OnTheWire]] = field(default_factory=dict)
    turns: dict[Way, list[Cost]] = field(default_factory=dict)
    tools: Costs | None = None

    def add(self, other: Results) -> None:
        """What another part has measured."""
        for way, trials in other.trials.items():
            self.trials.setdefault(way, []).extend(trials)
        for way, costs in other.turns.items():
            self.turns.setdefault(way, []).extend(costs)
        self.idle |= other.idle
        self.answers |= other.answers
        self.tools = other.tools or self.tools

    def windows(self, way: Way, streams: int) -> list[Window]:
        return [trial.windows[streams] for trial in self.trials.get(way, ()) if streams in trial.windows]

    @property
    def all_windows(self) -> list[Window]:
        return [window for trials in self.trials.values() for trial in trials for window in trial.windows.values()]

    @property
    def speed_ns(self) -> float:
        """The usual pace of the server's core in this run (`bench.speed`)."""
        return statistics.median(window.speed_ns for window in self.all_windows)

    def cpu_us(self, way: Way, streams: int) -> float | None:
        """CPU time per token, as if the core had always been as fast as it usually was."""
        usual = self.speed_ns
        return _median([window.cpu_us * usual / window.speed_ns for window in self.windows(way, streams)])

    def ratio(self, reference: Way, way: Way, streams: int) -> float | None:
        """How many times the CPU time of `way` the reference takes, in the same round each."""
        rounds = zip(self.trials.get(reference, ()), self.trials.get(way, ()), strict=False)
        return _median(
            [
                (theirs.cpu_us / theirs.speed_ns) / (own.cpu_us / own.speed_ns)
                for first, second in rounds
                if (theirs := first.windows.get(streams)) and (own := second.windows.get(streams))
            ]
        )

    def value(self, way: Way, streams: int, name: str) -> float | None:
        return _median([getattr(window, name) for window in self.windows(way, streams)])

    def first(self, way: Way, streams: int, share: float, name: str = "first") -> float | None:
        """Over the probes of all trials: one trial has too few of them."""
        values = sorted(value for window in self.windows(way, streams) for value in getattr(window, name))
        return percentile(values, share) if values else None

    def failures(self) -> list[str]:
        return [
            f"{way.name}: {trial.failure}" for way, trials in self.trials.items() for trial in trials if trial.failure
        ]


def _median(values: Sequence[float]) -> float | None:
    return statistics.median(values) if values else None
