"""Where the workers of one server put their metrics together, so that `/metrics` of each speaks for all."""

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

# prometheus_client reads it when it is first imported: in the workers, not in their parent.
VARIABLE: Final = "PROMETHEUS_MULTIPROC_DIR"
# In memory where there is such a place: a write into a mapped file on a full disk would end the process.
IN_MEMORY: Final = "/dev/shm"  # noqa: S108


@contextmanager
def shared_metrics() -> Iterator[None]:
    """For workers that are started meanwhile. Without room for it, each goes on counting for itself."""
    place = IN_MEMORY if os.access(IN_MEMORY, os.W_OK) else None
    try:
        path = tempfile.mkdtemp(prefix="chatsite-metrics-", dir=place)
    except OSError as error:
        logger.warning("metrics: each worker counts for itself, no directory for all: %s", error)
        yield
        return
    os.environ[VARIABLE] = path
    try:
        yield
    finally:
        del os.environ[VARIABLE]
        shutil.rmtree(path, ignore_errors=True)


def worker_ended(process_id: int) -> None:
    """What it has counted stays; what it held, such as live runs, is gone."""
    if path := os.environ.get(VARIABLE):
        mark_process_dead(process_id, path)  # type: ignore[no-untyped-call]
