"""The directory where workers share their metrics, so that `/metrics` of each covers all."""

from __future__ import annotations

import logging
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from prometheus_client.multiprocess import mark_process_dead

logger = logging.getLogger("chat.metrics")

# prometheus_client reads it at import time: in the workers, not in their parent.
VARIABLE: Final = "PROMETHEUS_MULTIPROC_DIR"
# In memory if possible: writing to a mapped file on a full disk would crash the process.
IN_MEMORY: Final = "/dev/shm"  # noqa: S108


@contextmanager
def shared_metrics() -> Iterator[None]:
    """Share metrics among workers started in this context. If the directory cannot be created, each counts alone."""
    place = IN_MEMORY if os.access(IN_MEMORY, os.W_OK) else None
    try:
        path = tempfile.mkdtemp(prefix="chatsite-metrics-", dir=place)
    except OSError as error:
        logger.warning("metrics: no shared directory, each worker reports its own: %s", error)
        yield
        return
    os.environ[VARIABLE] = path
    try:
        yield
    finally:
        del os.environ[VARIABLE]
        shutil.rmtree(path, ignore_errors=True)


def worker_ended(process_id: int) -> None:
    """Drop the worker's live gauges, such as live runs; its counters stay."""
    if path := os.environ.get(VARIABLE):
        mark_process_dead(process_id, path)  # type: ignore[no-untyped-call]
