from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.core.checks import CheckMessage
from pytest_django import Settings

from chat.checks import check_database, check_settings
from chatsite.caches import cache
from chatsite.environment import Problem
from tests.server.process import ended

URL = "https://chat.example.org"
ROOT = Path(__file__).resolve().parent.parent
PUBLIC = {"HTTPS": True, "ALLOWED_HOSTS": ["chat.example.org"], "CHAT_URL": URL}


def check() -> dict[str, CheckMessage]:
    return {str(message.id): message for message in check_settings(None)}


@pytest.fixture(autouse=True)
def _hosts_without_that_of_the_test_client(settings: Settings) -> None:
    settings.ALLOWED_HOSTS = list(settings.LOCAL_HOSTS)


def test_the_test_settings_raise_no_warnings(settings: Settings) -> None:
    assert check() == {}


@pytest.mark.parametrize(
    ("id", "changed", "named"),
    [
        ("chat.W001", {"ALLOWED_HOSTS": ["chat.example.org", "*"], "CHAT_URL": URL}, "ALLOWED_HOSTS"),
        ("chat.W002", {"DEBUG": True, "HOST": "0.0.0.0"}, "HOST"),
        ("chat.W003", {"HTTPS": True, "ALLOWED_HOSTS": ["localhost", "[::1]"]}, "CHAT_HTTPS"),
        ("chat.W004", {"OPENAI_MODEL": "gpt"}, "OPENAI_MODEL"),
        ("chat.W005", {"EMAIL_URL": "smtp://mail.example.org"}, "DEFAULT_FROM_EMAIL"),
        ("chat.W006", {"CHAT_MESSAGE_CHARACTERS": 200_000}, "CHAT_MESSAGE_CHARACTERS"),
        ("chat.W007", {"ALLOWED_HOSTS": [".example.org"]}, "CHAT_URL"),
        ("chat.W007", {"ALLOWED_HOSTS": ["chat.example.org"], "HTTPS": True}, "CHAT_URL"),
        ("chat.W008", {"ALLOWED_HOSTS": ["chat.example.org"], "HTTPS": True, "CHAT_URL": "http://x.org"}, "CHAT_URL"),
        ("chat.W010", {"SECURE_HSTS_INCLUDE_SUBDOMAINS": True}, "CHAT_HSTS_SUBDOMAINS"),
        ("chat.W010", {**PUBLIC, "SECURE_HSTS_PRELOAD": True}, "CHAT_HSTS_SUBDOMAINS"),
        ("chat.W010", {"SECURE_HSTS_INCLUDE_SUBDOMAINS": True, "SECURE_HSTS_PRELOAD": True}, "CHAT_HTTPS"),
        ("chat.E010", {"WORKERS": 2}, "REDIS_URL"),
        ("chat.W011", {"CHAT_FRAMES_PER_SECOND": 200}, "CHAT_FRAMES_PER_SECOND"),
        ("chat.W012", {"CHAT_LOG_BYTES": 20_000_000}, "CHAT_LOG_BYTES_PER_USER"),
        ("chat.W012", {"CHAT_RUNS_PER_MINUTE": 29}, "CHAT_SENDS_PER_MINUTE"),
        ("chat.W012", {"CHAT_LIVE_RUNS": 2}, "CHAT_LIVE_RUNS_PER_USER"),
        ("chat.W012", {"CHAT_LOG_BYTES_PER_USER": 2_000_000}, "cut off"),
        ("chat.E003", {"STATIC_HASHED": True, "STATIC_ROOT": Path("/nonexistent")}, "CHAT_STATIC_HASHED"),
    ],
)
def test_a_bad_combination_is_reported_with_a_hint(
    settings: Settings, id: str, changed: dict[str, Any], named: str
) -> None:
    for name, value in changed.items():
        setattr(settings, name, value)

    (message,) = check().values()

    assert message.id == id
    assert message.is_serious() is id.startswith("chat.E")
    assert named in message.msg + (message.hint or "")
    assert message.hint


@pytest.mark.parametrize(
    "changed",
    [
        {"DEBUG": True, "HOST": "127.0.0.1"},
        {"DEBUG": False, "HOST": "0.0.0.0"},
        {"HTTPS": True, "ALLOWED_HOSTS": ["chat.example.org", "localhost"], "CHAT_URL": URL},
        {"ALLOWED_HOSTS": ["chat.example.org"], "CHAT_URL": "http://chat.example.org:8000"},
        {"OPENAI_MODEL": "gpt", "OPENAI_BASE_URL": "http://127.0.0.1:8080/v1"},
        {"OPENAI_MODEL": "gpt", "OPENAI_API_KEY": "sk-x"},
        {**PUBLIC, "SECURE_HSTS_INCLUDE_SUBDOMAINS": True, "SECURE_HSTS_PRELOAD": True},
        {"EMAIL_URL": "smtp://mail.example.org", "DEFAULT_FROM_EMAIL": "chat@example.org"},
        {"WORKERS": 2, "CACHES": {"default": cache("redis://127.0.0.1:6379/0")}},
    ],
)
def test_good_combinations_raise_no_warnings(settings: Settings, changed: dict[str, Any]) -> None:
    for name, value in changed.items():
        setattr(settings, name, value)

    assert check() == {}


def test_each_unusable_variable_is_reported_by_name(settings: Settings) -> None:
    settings.SETTING_PROBLEMS = [Problem("PORT", "PORT is out of range.", "Set PORT to a number from 1 to 65535.")]

    (message,) = check().values()

    assert (message.id, message.msg, message.hint) == (
        "chat.E001",
        "PORT is out of range.",
        "Set PORT to a number from 1 to 65535.",
    )


def check_sqlite(name: object) -> list[CheckMessage]:
    return list(check_database({"ENGINE": "django.db.backends.sqlite3", "NAME": str(name)}))


@pytest.mark.parametrize("path", ["missing/x.sqlite3", "file/x.sqlite3", "directory"])
def test_an_unwritable_database_is_reported(tmp_path: Path, path: str) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "directory").mkdir()

    (message,) = check_sqlite(tmp_path / path)

    assert message.id == "chat.E002"
    assert str(tmp_path / path) in message.msg
    assert "CHAT_DATA_DIR" in (message.hint or "")


def test_a_database_on_a_read_only_disk_is_reported() -> None:
    """Even for root, who ignores permission bits."""
    assert [message.id for message in check_sqlite("/proc/chat.sqlite3")] == ["chat.E002"]


def test_checking_leaves_no_files_behind(tmp_path: Path) -> None:
    assert check_sqlite(tmp_path / "chat.sqlite3") == []
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "database",
    [
        {"ENGINE": "django.db.backends.postgresql", "NAME": "/nonexistent/chat"},
        {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"},
    ],
)
def test_databases_without_a_file_are_not_checked(database: dict[str, Any]) -> None:
    assert list(check_database(database)) == []


# --- The whole of it, in a process of its own


def manage_check(data_dir: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    clean = {name: value for name, value in os.environ.items() if name in {"PATH", "HOME", "LANG"}}
    return subprocess.run(
        [sys.executable, "manage.py", "check"],
        cwd=ROOT,
        env={**clean, "CHAT_DATA_DIR": str(data_dir), **environment},
        capture_output=True,
        text=True,
        timeout=120,
    )


def test_a_fresh_machine_passes_all_checks(tmp_path: Path) -> None:
    done = manage_check(tmp_path / "new" / "var")

    assert (done.returncode, done.stderr) == (0, "")
    assert "no issues" in done.stdout
    assert (tmp_path / "new" / "var").stat().st_mode & 0o077 == 0


def test_several_mistakes_are_reported_together_and_prevent_the_start(tmp_path: Path) -> None:
    done = manage_check(tmp_path, PORT="eighty", OPENAI_BASE_URL="localhost:8080", SECRET_KEY="short", DEBUG="perhaps")

    assert done.returncode == 1
    for sentence in (
        "PORT is not a whole number.",
        "OPENAI_BASE_URL is not a valid URL.",
        "SECRET_KEY is too short to be safe.",
        "DEBUG is neither on nor off.",
    ):
        assert f"(chat.E001) {sentence}" in done.stderr
    assert "HINT: OPENAI_BASE_URL" in done.stderr or "HINT: It must start with http:// or https://." in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("OPENAI_BASE_URL", "http://bob:hunter2@model.example/v1"),
        ("OPENAI_BASE_URL", "http://model.example:99999/v1"),
        ("OLLAMA_URL", "http://::1:11434"),
        ("OPENAI_API_KEY", "hunter2 schlüssel"),
        ("OPENAI_MODEL", "m" * 201),
    ],
)
def test_an_unusable_model_is_reported_without_secrets(tmp_path: Path, name: str, value: str) -> None:
    done = manage_check(tmp_path, **{name: value})

    assert done.returncode == 1
    assert f"(chat.E001) {name} " in done.stderr
    assert "HINT: " in done.stderr
    assert "hunter2" not in done.stderr
    assert "Traceback" not in done.stderr


def test_a_key_is_not_sent_to_openai_if_the_base_url_is_invalid(tmp_path: Path) -> None:
    """Under plain daphne or uvicorn, no check prevents the start."""
    code = "from chatsite import settings as s; print([s.OPENAI_API_KEY, s.OPENAI_BASE_URL, s.OPENAI_MODEL])"
    given = {"OPENAI_API_KEY": "sk-0123", "OPENAI_MODEL": "mine", "CHAT_DATA_DIR": str(tmp_path)}
    for url, kept in (
        ("http://host:99999", "['', '', '']"),
        ("http://host:9", "['sk-0123', 'http://host:9', 'mine']"),
    ):
        environment = {"PATH": os.environ["PATH"], "CHAT_ENV_FILE": "", "OPENAI_BASE_URL": url, **given}
        done = subprocess.run(
            [sys.executable, "-c", code], check=True, capture_output=True, text=True, cwd=ROOT, env=environment
        )
        assert done.stdout.strip() == kept


def test_an_uncreatable_data_directory_is_reported_without_a_traceback(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    done = manage_check(tmp_path / "file" / "var")

    assert done.returncode == 1
    assert "CHAT_DATA_DIR" in done.stderr
    assert "Traceback" not in done.stderr


def test_it_is_reported_with_a_custom_secret_key_too(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    done = manage_check(tmp_path / "file" / "var", SECRET_KEY="x" * 40)

    assert done.returncode == 1
    assert "(chat.E002)" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    "more", [{}, {"CHAT_HSTS_SUBDOMAINS": "1"}, {"CHAT_HSTS_SUBDOMAINS": "1", "CHAT_HSTS_PRELOAD": "1"}]
)
def test_a_site_behind_https_gets_no_warnings(tmp_path: Path, more: dict[str, str]) -> None:
    said = deploy_check(tmp_path, CHAT_HTTPS="1", ALLOWED_HOSTS="chat.example.org", **more)

    assert said.returncode == 0, said.stdout
    assert "no issues" in said.stdout


def test_a_site_without_https_gets_warnings(tmp_path: Path) -> None:
    """The control for the test above: other settings do cause warnings."""
    said = deploy_check(tmp_path, ALLOWED_HOSTS="chat.example.org")

    assert said.returncode == 1
    assert {"security.W004", "security.W008", "security.W012"} <= set(re.findall(r"security\.W\d+", said.stdout))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("CHAT_METRICS_ALLOW", "10.0.0.0/33"),
        ("CHAT_METRICS_ALLOW", "prometheus"),
        ("CHAT_METRICS_ALLOW", "10.0.0.1/16"),
        ("CHAT_METRICS_TOKEN", "short"),
        ("CHAT_SECRETS_KEY", "short"),
        ("CHAT_SECRETS_KEY", f"{'k' * 32},short"),
        ("REDIS_URL", "redis://redis/0?password_file=/nowhere"),
    ],
)
def test_a_value_that_is_too_permissive_or_too_strict_is_refused(tmp_path: Path, name: str, value: str) -> None:
    said = deploy_check(tmp_path, **{name: value})

    assert said.returncode == 1
    assert f"(chat.E001) {name}" in said.stdout


def deploy_check(data_dir: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    return ended("manage.py", "check", "--deploy", "--fail-level", "WARNING", CHAT_DATA_DIR=str(data_dir), **variables)
