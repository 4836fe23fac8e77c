"""`manage.py serve`, as a person starts it."""

from __future__ import annotations

import http.client
import re
import signal
import socket
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.members import prepare
from tests.server.process import END_SECONDS, ended, lines_until, running

SERVE = ("manage.py", "serve", "--migrate", "--port", "0")


@pytest.fixture
def data_dir(tmp_path: Path) -> str:
    return str(tmp_path / "data")


@pytest.fixture
def site(data_dir: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A fresh site, and its address."""
    with running(*SERVE, CHAT_DATA_DIR=data_dir) as process:
        line = lines_until(process, "Chatsite is at ")[-1]
        yield process, line.split()[3]


def get(address: str, path: str) -> http.client.HTTPResponse:
    connection = http.client.HTTPConnection(urlsplit(address).netloc, timeout=END_SECONDS)
    connection.request("GET", path)
    response = connection.getresponse()
    response.read()
    connection.close()
    return response


class TestStart:
    def test_it_serves_and_prints_its_address_and_the_setup_link(
        self, site: tuple[subprocess.Popen[str], str]
    ) -> None:
        process, address = site
        assert get(address, "/healthz").status == 200
        link = lines_until(process, "/setup/?token=")[-1].strip()
        assert link.startswith(address)
        assert get(address, link.removeprefix(address)).getheader("Location") == "/setup/"

    def test_the_write_ahead_log_is_not_checkpointed_for_every_request(
        self, data_dir: str, site: tuple[subprocess.Popen[str], str]
    ) -> None:
        process, address = site
        written_ahead = Path(data_dir, "chat.sqlite3-wal")
        for _ in range(2):
            assert get(address, "/readyz").status == 200
            assert written_ahead.exists()
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=END_SECONDS)
        # After a shutdown, a copy of the database file is complete.
        assert not written_ahead.exists()

    def test_servers_of_one_site_print_one_link_with_the_address_people_use(self, tmp_path: Path) -> None:
        key = {"SECRET_KEY": "k" * 32, "CHAT_URL": "https://chat.example.org/"}
        links = []
        for name in ("one", "other"):
            with running(*SERVE, CHAT_DATA_DIR=str(tmp_path / name), **key) as process:
                links.append(lines_until(process, "/setup/?token=")[-1].strip())
        assert links[0] == links[1]
        assert links[0].startswith("https://chat.example.org/setup/?token=")

    def test_it_prints_no_setup_link_once_there_is_a_user(self, data_dir: str) -> None:
        prepare(Path(data_dir))
        with running(*SERVE, CHAT_DATA_DIR=data_dir) as process:
            lines_until(process, "Chatsite is at ")
            process.send_signal(signal.SIGTERM)
            output, _ = process.communicate(timeout=END_SECONDS)
        assert "setup" not in output

    def test_responses_name_no_versions(self, site: tuple[subprocess.Popen[str], str]) -> None:
        _, address = site
        headers = get(address, "/healthz").headers
        assert headers["Server"] == "chatsite"
        assert not re.search(r"daphne|twisted|autobahn|python", str(headers), re.IGNORECASE)

    @pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
    def test_a_signal_ends_it_without_a_traceback(
        self, site: tuple[subprocess.Popen[str], str], number: signal.Signals
    ) -> None:
        process, address = site
        assert get(address, "/healthz").status == 200
        process.send_signal(number)
        output, _ = process.communicate(timeout=END_SECONDS)
        assert "Traceback" not in output
        assert "ERROR" not in output
        assert process.returncode == 0


class TestRefusals:
    """Each is a sentence that says what to do, without a traceback."""

    def refusal(self, *arguments: str, **variables: str) -> str:
        result = ended("manage.py", "serve", *arguments, **variables)
        assert result.returncode != 0
        assert "Traceback" not in result.stdout
        return result.stdout

    def test_a_port_in_use(self, data_dir: str) -> None:
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
            output = self.refusal("--migrate", PORT=str(port), CHAT_DATA_DIR=data_dir)
        assert f"Port {port} is in use" in output
        assert "PORT=" in output
        assert "Chatsite is at" not in output

    def test_an_address_of_another_machine(self, data_dir: str) -> None:
        output = self.refusal("--migrate", HOST="192.0.2.1", CHAT_DATA_DIR=data_dir)
        assert "Cannot listen on 192.0.2.1, port 8000" in output

    def test_an_unwritable_data_directory(self, tmp_path: Path) -> None:
        # A file in its place, because root may write to any directory.
        (tmp_path / "file").write_text("")
        output = self.refusal("--migrate", CHAT_DATA_DIR=str(tmp_path / "file" / "data"))
        assert "CHAT_DATA_DIR" in output
        assert "cannot be written" in output

    def test_a_file_that_is_not_a_database(self, data_dir: str, tmp_path: Path) -> None:
        (tmp_path / "text.sqlite3").write_text("This is no database. " * 100)
        output = self.refusal(
            "--migrate", CHAT_DATA_DIR=data_dir, DATABASE_URL=f"sqlite:///{tmp_path / 'text.sqlite3'}"
        )
        assert "The database cannot be used: file is not a database" in output

    def test_an_unreachable_database_server(self, data_dir: str) -> None:
        output = self.refusal(CHAT_DATA_DIR=data_dir, DATABASE_URL="postgresql://chat@127.0.0.1:9/chat")
        assert "The database cannot be used" in output
        assert "DATABASE_URL" in output

    def test_a_database_with_missing_migrations(self, data_dir: str) -> None:
        assert "manage.py migrate" in self.refusal("--port", "0", CHAT_DATA_DIR=data_dir)

    @pytest.mark.parametrize(
        ("name", "value"),
        [("PORT", "many"), ("PORT", "70000"), ("CHAT_FRAME_BYTES", "-1"), ("DEBUG", "perhaps"), ("LOG_LEVEL", "LOUD")],
    )
    def test_a_wrong_setting(self, data_dir: str, name: str, value: str) -> None:
        output = self.refusal("--migrate", **{"CHAT_DATA_DIR": data_dir, name: value})
        assert f"{name} " in output
        assert "HINT: " in output
        assert f"Set {name}" in output

    def test_an_invalid_line_of_the_env_file(self, tmp_path: Path) -> None:
        file = tmp_path / "settings.env"
        file.write_text("# comment\nPORT 8001\n")
        assert f"{file}, line 2" in self.refusal(CHAT_ENV_FILE=str(file))


class TestData:
    def test_the_database_is_in_the_data_directory(
        self, site: tuple[subprocess.Popen[str], str], data_dir: str
    ) -> None:
        with closing(sqlite3.connect(Path(data_dir) / "chat.sqlite3")) as database:
            assert database.execute("PRAGMA journal_mode").fetchone() == ("wal",)
            assert database.execute("SELECT count(*) FROM django_migrations").fetchone()[0] > 0
