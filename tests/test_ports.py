"""How tests choose ports that no other process takes."""

from __future__ import annotations

import random
import socket
import subprocess
import sys
from pathlib import Path

from tests.ports import closed_port
from tests.server.process import ROOT, clean_environment

SEED = 5
CHOOSE = "import random; from tests.ports import closed_port; random.seed({seed}); print(closed_port())"


def chosen_here() -> int:
    state = random.getstate()
    random.seed(SEED)
    try:
        return closed_port()
    finally:
        random.setstate(state)


def chosen_elsewhere(**variables: str) -> int:
    """The port that another process chooses, trying the same ports in the same order."""
    command = [sys.executable, "-c", CHOOSE.format(seed=SEED)]
    environment = clean_environment() | variables
    return int(subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True).stdout)


def test_a_port_is_reserved_while_its_process_lives() -> None:
    port = chosen_here()
    assert chosen_here() != port
    assert chosen_elsewhere() != port


def test_control_without_shared_locks_both_get_the_same_port(tmp_path: Path) -> None:
    folders = [tmp_path / "one", tmp_path / "other"]
    for folder in folders:
        folder.mkdir()
    one, other = (chosen_elsewhere(TMPDIR=str(folder)) for folder in folders)
    assert one == other


def test_the_kernel_does_not_assign_it_to_connections() -> None:
    first = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    assert closed_port() < first
    with socket.create_server(("127.0.0.1", 0)) as any_port:
        assert any_port.getsockname()[1] >= first


def test_nothing_listens_on_it() -> None:
    with socket.create_server(("127.0.0.1", chosen_here())) as taken:
        assert chosen_here() != taken.getsockname()[1]
