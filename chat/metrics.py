"""The metrics of `/metrics`, in Prometheus text format. No user names, no message texts.

With several workers (chatsite/metrics_files.py), each shows the sums over all; gauges count only living processes.
"""

from __future__ import annotations

import os
from typing import Final

from prometheus_client import REGISTRY, CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

from chatsite.metrics_files import VARIABLE

# Model names come from outside, and each one creates its own time series.
MODELS: Final = 50
MODEL_CHARACTERS: Final = 100
OTHER: Final = "other"

RUNS_STARTED = Counter("chat_runs_started_total", "Runs started", ["provider"])
RUNS_ENDED = Counter("chat_runs_ended_total", "Runs ended, by status or error code", ["provider", "status"])
TAKEOVERS = Counter("chat_takeovers_total", "Runs taken over from dead processes, by outcome", ["how"])
LIVE_RUNS = Gauge("chat_live_runs", "Runs that are generating now", multiprocess_mode="livesum")
TIME_TO_FIRST_TOKEN = Histogram(
    "chat_time_to_first_token_seconds",
    "From the start of a run to its first text chunk",
    ["provider", "model"],
    buckets=(0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60),
)
TOKENS_PER_SECOND = Histogram(
    "chat_tokens_per_second",
    "Output tokens (or text chunks, if the provider reports no usage) per second of generation",
    ["provider", "model"],
    buckets=(1, 5, 10, 20, 40, 80, 160, 320, 640),
)
RUN_SECONDS = Histogram(
    "chat_run_duration_seconds",
    "Duration of whole runs",
    ["provider", "model"],
    buckets=(0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600),
)
PROVIDER_RETRIES = Counter("chat_provider_retries_total", "Retried requests to a provider", ["provider", "code"])
SAVE_RETRIES = Counter("chat_save_retries_total", "Retries of saving a turn")
READERS = Gauge("chat_readers", "Connections that follow runs now", ["transport"], multiprocess_mode="livesum")
DISCONNECTS = Counter(
    "chat_disconnects_total",
    "Runs whose client disconnected while following them, by transport",
    ["transport", "provider", "model"],
)
BACKPRESSURE = Counter(
    "chat_backpressure_waits_total",
    "Times that sending a run had to wait for a slow client",
    ["transport", "provider", "model"],
)
STALLED = Counter("chat_stalled_readers_total", "Sockets closed because they acknowledged nothing")
FRAMES = Counter("chat_frames_total", "Frames or SSE chunks sent with events", ["transport"])
EVENT_BYTES = Counter("chat_event_bytes_total", "Bytes of events sent", ["transport"])


class Sent:
    """Counts what one transport sends. The labels are resolved once, not per frame."""

    def __init__(self, transport: str) -> None:
        self._frames = FRAMES.labels(transport)
        self._bytes = EVENT_BYTES.labels(transport)

    def count(self, size: int) -> None:
        """Count a frame or chunk of `size` bytes."""
        self._frames.inc()
        self._bytes.inc(size)


SENT_BY_WEBSOCKET = Sent("websocket")
SENT_BY_SSE = Sent("sse")


_models: set[str] = set()


def model_label(name: str) -> str:
    """The label for a model: its name for the first MODELS in this process, OTHER for the rest."""
    label = name[:MODEL_CHARACTERS]
    if label not in _models:
        if len(_models) >= MODELS:
            return OTHER
        _models.add(label)
    return label


def text() -> bytes:
    """All metrics of all workers, in Prometheus text format."""
    if VARIABLE not in os.environ:
        return generate_latest(REGISTRY)
    registry = CollectorRegistry()
    MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    return generate_latest(registry)
