from __future__ import annotations

from pathlib import Path

import pytest
from redis.asyncio.connection import parse_url

from chatsite.redis_url import BadRedisUrl, with_password


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "redis_password"
    path.write_text("p:@/?#%&= ü\n")
    return path


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("redis://redis:6379/0", {"host": "redis", "port": 6379, "db": 0}),
        ("rediss://chat@redis/1", {"host": "redis", "db": 1, "username": "chat"}),
        ("redis://[::1]:6379", {"host": "::1", "port": 6379}),
        ("unix:///run/redis.sock", {"path": "/run/redis.sock"}),
    ],
)
def test_a_password_comes_from_its_file(file: Path, before: str, after: dict[str, object]) -> None:
    found = dict(parse_url(with_password(f"{before}?password_file={file}")))
    found.pop("connection_class", None)
    assert found == {**after, "password": "p:@/?#%&= ü"}


def test_other_parameters_are_kept(file: Path) -> None:
    assert with_password(f"redis://h/0?socket_timeout=5&password_file={file}").endswith("@h/0?socket_timeout=5")


@pytest.mark.parametrize("url", ["", "redis://h:6379/0", "redis://:pass@h/0?db=1", "unix:///run/redis.sock"])
def test_a_url_without_a_password_file_is_unchanged(url: str) -> None:
    assert with_password(url) == url


def test_an_unusable_password_file_is_reported(file: Path, tmp_path: Path) -> None:
    for url, reason in (
        (f"redis://h/0?password_file={tmp_path}/none", "No such file"),
        (f"redis://h/0?password_file={tmp_path}", "directory"),
        (f"redis://:x@h/0?password_file={file}", "already"),
    ):
        with pytest.raises(BadRedisUrl, match=reason):
            with_password(url)
    file.write_text("\n")
    with pytest.raises(BadRedisUrl, match="empty"):
        with_password(f"redis://h/0?password_file={file}")
    file.write_bytes(b"\xff\xfe")
    with pytest.raises(BadRedisUrl, match="not a text file"):
        with_password(f"redis://h/0?password_file={file}")
