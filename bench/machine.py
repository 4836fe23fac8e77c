"""The machine: which core runs what, and what a process has taken of it. Linux only."""

from __future__ import annotations

import os
import platform
import resource
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

OPEN_FILES: Final = 20_000
_NS: Final = 1e-9


def cores() -> tuple[set[int], set[int]]:
    """The server's core, and those for everything else: the same one where there is only one."""
    usable = sorted(os.sched_getaffinity(0))
    return {usable[0]}, set(usable[1:]) or {usable[0]}


@contextmanager
def running_on(chosen: set[int]) -> Iterator[None]:
    """Processes that are started in this block run on these cores."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, chosen)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def allow_open_files() -> None:
    """As many as the idle sockets need, for this process and those it starts."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = OPEN_FILES if most == resource.RLIM_INFINITY else min(OPEN_FILES, most)
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, most))


def cpu_seconds(pid: int) -> float:
    """User and system time of all of a process's threads, also those that have ended.

    It is what /proc/<pid>/stat shows in hundredths of a second, read from the process's CPU clock to the nanosecond:
    clock_getcpuclockid(3), whose clock numbers are part of the kernel's interface.
    """
    return time.clock_gettime(~pid << 3 | 2)


def waited_seconds(pid: int) -> float:
    """How long the threads of a process were ready to run while something else had their core."""
    total = 0
    for task in Path(f"/proc/{pid}/task").iterdir():
        total += int((task / "schedstat").read_text().split()[1])
    return total * _NS


def resident_bytes(pid: int) -> int:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def description() -> dict[str, str]:
    """What is needed to read the figures; nothing that names the machine."""
    return {
        "CPU": f"{os.cpu_count()} × {_cpu_model()}",
        "Memory": f"{os.sysconf('SC_PHYS_PAGES') * os.sysconf('SC_PAGE_SIZE') / 2**30:.0f} GiB",
        "System": f"Linux {platform.release().split('-')[0]}",
        "Python": platform.python_version(),
    }


def _cpu_model() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()
