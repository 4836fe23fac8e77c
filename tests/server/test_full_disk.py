"""A site whose disk is full."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from chatsite.disk import ROOM_BYTES, try_to_write
from tests.server.process import END_SECONDS, lines_until, running


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of four megabytes. Only root may mount one."""
    place = tmp_path / "disk"
    place.mkdir()
    mount, unmount = shutil.which("mount"), shutil.which("umount")
    if not mount or not unmount:
        pytest.skip("there is no mount")
    if subprocess.run([mount, "-t", "tmpfs", "-o", "size=4m", "none", place], check=False).returncode:
        pytest.skip("nothing may be mounted here")
    yield place
    subprocess.run([unmount, place], check=True)


def fill(disk: Path) -> Path:
    path = disk / "others"
    with path.open("wb", buffering=0) as file, suppress(OSError):
        while True:
            file.write(bytes(4096))
    return path


def readiness(address: str) -> tuple[int, dict[str, bool]]:
    try:
        with urllib.request.urlopen(f"{address}/readyz", timeout=END_SECONDS) as response:
            return response.status, json.loads(response.read())
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.loads(error.read())


def becomes(address: str, status: int) -> dict[str, bool]:
    """Poll, because the server's own status is up to a second old."""
    deadline = time.monotonic() + END_SECONDS
    while (answer := readiness(address))[0] != status:
        assert time.monotonic() < deadline, answer
        time.sleep(0.1)
    return answer[1]


def test_a_full_disk_is_not_ready_and_logged_once(small_disk: Path) -> None:
    with running("manage.py", "serve", "--migrate", "--port", "0", CHAT_DATA_DIR=str(small_disk / "data")) as process:
        address = lines_until(process, "Chatsite is at ")[-1].split()[3]
        becomes(address, 200)
        others = fill(small_disk)
        assert becomes(address, 503)["disk"] is False
        time.sleep(2)
        assert readiness(address)[0] == 503
        others.unlink()
        assert "disk" not in becomes(address, 200)
        process.send_signal(signal.SIGTERM)
        log, _ = process.communicate(timeout=END_SECONDS)
    assert log.count("No space left on device") == 1
    assert "Traceback" not in log


def test_the_disk_check_leaves_nothing_behind(tmp_path: Path) -> None:
    try_to_write(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_is_an_error(small_disk: Path) -> None:
    try_to_write(small_disk)
    others = fill(small_disk)
    with pytest.raises(OSError, match="No space left"):
        try_to_write(small_disk)
    others.write_bytes(bytes(others.stat().st_size - 2 * ROOM_BYTES))
    try_to_write(small_disk)
