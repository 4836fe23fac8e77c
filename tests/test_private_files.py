"""Who may read the files in the data directory."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from chatsite.private_files import make_private
from tests.server.process import ended


def modes(directory: Path) -> dict[str, int]:
    return {path.name: stat.S_IMODE(path.stat().st_mode) for path in directory.iterdir()}


@pytest.mark.parametrize("name", ["chat #1", "what?", "50%25x", "100%", "a&b=c", "with space", ":memory:", "ü"])
def test_a_data_directory_can_have_any_name(tmp_path: Path, name: str) -> None:
    made = ended("manage.py", "migrate", "--verbosity", "0", CHAT_DATA_DIR=str(tmp_path / name))

    assert made.returncode == 0, made.stdout
    assert [path.name for path in tmp_path.iterdir()] == [name]
    assert {"chat.sqlite3", "secret_key"} <= set(modes(tmp_path / name))
    assert set(modes(tmp_path / name).values()) == {0o600}


def test_files_readable_by_others_are_made_private(tmp_path: Path) -> None:
    data_dir = tmp_path / "data"
    data_dir.mkdir()
    data_dir.chmod(0o755)
    for name in ("secret_key", "chat.sqlite3", "chat.sqlite3-wal", "chat.sqlite3-shm"):
        (data_dir / name).touch()
        (data_dir / name).chmod(0o664)
    (data_dir / "notes.txt").touch()
    (data_dir / "notes.txt").chmod(0o644)

    make_private(data_dir)

    assert stat.S_IMODE(data_dir.stat().st_mode) == 0o700
    assert modes(data_dir) == {
        **dict.fromkeys(("secret_key", "chat.sqlite3", "chat.sqlite3-wal", "chat.sqlite3-shm"), 0o600),
        "notes.txt": 0o644,
    }


def test_a_database_elsewhere_is_made_private_too(tmp_path: Path) -> None:
    database = tmp_path / "other.sqlite3"
    database.touch()
    database.chmod(0o644)

    made = ended(
        *("manage.py", "migrate", "--verbosity", "0"),
        **{"CHAT_DATA_DIR": str(tmp_path / "data"), "DATABASE_URL": f"sqlite:///{database}"},
    )

    assert made.returncode == 0, made.stdout
    assert stat.S_IMODE(database.stat().st_mode) == 0o600


def test_shared_directories_keep_their_mode(tmp_path: Path) -> None:
    tmp_path.chmod(0o1777)
    make_private(tmp_path)
    assert stat.S_IMODE(tmp_path.stat().st_mode) == 0o1777
    assert stat.S_IMODE(os.stat("/").st_mode) & 0o055
    make_private(Path("/"))
    assert stat.S_IMODE(os.stat("/").st_mode) & 0o055
