"""The errors of deploy/passwords.py for a missing or ambiguous password, before it writes anything."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.server.process import ROOT


def refusal(**variables: str) -> str:
    ended = subprocess.run(
        [sys.executable, "deploy/passwords.py"],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], **variables},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 1
    assert "Traceback" not in ended.stderr
    return ended.stderr


@pytest.mark.parametrize(
    ("content", "reason"),
    [(None, "cannot be read"), (b"\n", "names an empty file"), (b"\xff\xfe", "not a text file")],
    ids=str,
)
def test_a_file_without_a_password_is_reported(tmp_path: Path, content: bytes | None, reason: str) -> None:
    path = tmp_path / "password"
    if content is not None:
        path.write_bytes(content)
    told = refusal(POSTGRES_PASSWORD_FILE=str(path))
    assert told.startswith("POSTGRES_PASSWORD_FILE ")
    assert reason in told
    assert str(path) in told
    assert "CHAT_SECRETS" in told


def test_two_passwords_are_reported(tmp_path: Path) -> None:
    (tmp_path / "password").write_text("one")
    told = refusal(POSTGRES_PASSWORD="other", POSTGRES_PASSWORD_FILE=str(tmp_path / "password"))
    assert told == "POSTGRES_PASSWORD and POSTGRES_PASSWORD_FILE are both set. Unset one of them.\n"
