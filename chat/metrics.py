"""What `/metrics` shows, in Prometheus' text format: numbers only, nobody's name and nobody's words."""

from __future__ import annotations

from prometheus_client import Counter, Gauge, Histogram

RUNS_STARTED = Counter("chat_runs_started_total", "Runs started", ["provider"])
RUNS_ENDED = Counter("chat_runs_ended_total", "Runs ended, by status or error code", ["provider", "status"])
TAKEOVERS = Counter("chat_takeovers_total", "Runs taken over from processes that are gone, by what was done", ["how"])
LIVE_RUNS = Gauge("chat_live_runs", "Runs that are generating now")
TIME_TO_FIRST_TOKEN = Histogram(
    "chat_time_to_first_token_seconds",
    "From the start of a run to its first piece of text",
    ["provider"],
    buckets=(0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60),
)
TOKENS_PER_SECOND = Histogram(
    "chat_tokens_per_second",
    "Output tokens (or pieces of text, where a provider does not count) per second of generating",
    ["provider"],
    buckets=(1, 5, 10, 20, 40, 80, 160, 320, 640),
)
RUN_SECONDS = Histogram(
    "chat_run_duration_seconds", "Whole runs", ["provider"], buckets=(0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600)
)
PROVIDER_RETRIES = Counter("chat_provider_retries_total", "Requests sent to a provider again", ["provider", "code"])
SAVE_RETRIES = Counter("chat_save_retries_total", "Turns whose saving had to be tried again")
READERS = Gauge("chat_readers", "Connections that follow runs now", ["transport"])
DISCONNECTS = Counter("chat_disconnects_total", "Connections that went away while they followed a run", ["transport"])
BACKPRESSURE = Counter("chat_backpressure_waits_total", "Times that a slow reader made its sender wait", ["transport"])
STALLED = Counter("chat_stalled_readers_total", "Sockets closed because they acknowledged nothing")
FRAMES = Counter("chat_frames_total", "Frames or SSE chunks sent with events", ["transport"])
EVENT_BYTES = Counter("chat_event_bytes_total", "Bytes of events sent", ["transport"])


class Sent:
    """Counts what one transport sends. Its label is looked up once and not for every frame."""

    def __init__(self, transport: str) -> None:
        self._frames = FRAMES.labels(transport)
        self._bytes = EVENT_BYTES.labels(transport)

    def count(self, size: int) -> None:
        """A frame or chunk of so many bytes."""
        self._frames.inc()
        self._bytes.inc(size)


SENT_BY_WEBSOCKET = Sent("websocket")
SENT_BY_SSE = Sent("sse")
