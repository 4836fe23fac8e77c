"""By default, sign-up is open only if nobody but this machine can reach the site."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from chatsite.reach import is_local
from tests.server.process import END_SECONDS, lines_until, running
from tests.settings_read import setting

ROOT = Path(__file__).resolve().parents[2]


IN_A_CONTAINER = {"HOST": "0.0.0.0", "CHAT_TRUSTED_PROXIES": "1"}


def signup(tmp_path: Path, **variables: str) -> bool:
    return setting("CHAT_SIGNUP", tmp_path, **variables) == "True"


@pytest.mark.parametrize(
    ("variables", "is_open"),
    [
        ({}, True),
        ({"HOST": "localhost", "ALLOWED_HOSTS": "localhost, 127.0.0.1"}, True),
        ({"HOST": "0.0.0.0"}, False),
        ({"HOST": "192.168.1.5"}, False),
        ({"ALLOWED_HOSTS": "localhost,chat.example.org"}, False),
        ({"ALLOWED_HOSTS": "*"}, False),
        ({"CHAT_URL": "https://chat.example.org"}, False),
        # A proxy in front means that others can reach the site, whatever its name.
        ({"CHAT_HTTPS": "1"}, False),
        ({"CHAT_TRUSTED_PROXIES": "1"}, False),
        ({"TRUSTED_ORIGINS": "http://localhost:3000 https://chat.example.org"}, False),
        ({"TRUSTED_ORIGINS": "http://localhost:3000, http://[::1]:3000"}, True),
        # A local proxy does not help: the server's own address is open beside it.
        ({"HOST": "0.0.0.0", "CHAT_BIND": "127.0.0.1"}, False),
        # In a container, the server listens on all addresses behind nginx: CHAT_PUBLISHED decides.
        ({**IN_A_CONTAINER, "CHAT_PUBLISHED": "127.0.0.1"}, True),
        ({**IN_A_CONTAINER, "CHAT_PUBLISHED": "127.0.0.1 "}, True),
        ({**IN_A_CONTAINER, "CHAT_PUBLISHED": "0.0.0.0"}, False),
        ({**IN_A_CONTAINER, "CHAT_PUBLISHED": "127.0.0.1 192.168.1.5"}, False),
        ({**IN_A_CONTAINER, "CHAT_PUBLISHED": "127.0.0.1", "CHAT_HTTPS": "1"}, False),
        ({**IN_A_CONTAINER, "CHAT_PUBLISHED": "127.0.0.1", "ALLOWED_HOSTS": "chat.example.org"}, False),
        (IN_A_CONTAINER, False),
        ({"HOST": "0.0.0.0", "CHAT_BIND": "0.0.0.0"}, False),
        ({"HOST": "127.0.0.1", "CHAT_BIND": "0.0.0.0"}, False),
        # An explicit setting takes precedence.
        ({"HOST": "0.0.0.0", "CHAT_SIGNUP": "1"}, True),
        ({"CHAT_SIGNUP": "0"}, False),
    ],
)
def test_sign_up_is_open_only_on_localhost_by_default(
    tmp_path: Path, variables: dict[str, str], is_open: bool
) -> None:
    assert signup(tmp_path, **variables) is is_open


@pytest.mark.parametrize(
    "host", ["localhost", "127.0.0.1", "127.8.8.8", "::1", "[::1]", "LOCALHOST", "chat.localhost", ".localhost"]
)
def test_localhost_has_many_names(host: str) -> None:
    assert is_local(host)


@pytest.mark.parametrize(
    "host",
    ["0.0.0.0", "::", "[::]", "*", "", "192.168.1.5", "chat.example.org", ".example.org", "localhost.example.org",
     "127.0.0.1.example.org", "notlocalhost", "fe80::1"],
)  # fmt: skip
def test_other_hosts_are_not_localhost(host: str) -> None:
    assert not is_local(host)
    assert not is_local("localhost", host)


def test_compose_tells_the_servers_where_nginx_listens() -> None:
    """And whether a proxy is in front of it: if so, others can reach the site."""
    settings: Any = yaml.safe_load((ROOT / "docker-compose.yml").read_text("utf-8"))["services"]

    address = settings["nginx"]["ports"][0].partition(":${CHAT_PORT")[0]
    assert settings["web"]["environment"]["CHAT_PUBLISHED"] == f"{address} ${{CHAT_PROXY:-}}"
    assert settings["web"]["environment"].items() >= IN_A_CONTAINER.items()


@pytest.mark.parametrize(
    ("arguments", "variables", "told"),
    [
        ((), {}, False),
        (("--host", "0.0.0.0"), {}, True),
        ((), {"HOST": "0.0.0.0"}, True),
        ((), {"HOST": "0.0.0.0", "CHAT_SIGNUP": "0"}, False),
        ((), {"HOST": "0.0.0.0", "CHAT_SIGNUP": "1"}, False),
    ],
)
def test_startup_says_that_sign_up_is_off_by_default(
    tmp_path: Path, arguments: tuple[str, ...], variables: dict[str, str], told: bool
) -> None:
    serve = ("manage.py", "serve", "--migrate", "--port", "0", *arguments)
    with running(*serve, CHAT_DATA_DIR=str(tmp_path), **variables) as process:
        lines = lines_until(process, "Set EMAIL_URL")
        process.terminate()
        process.communicate(timeout=END_SECONDS)

    assert ("Sign-up is off" in "".join(lines)) is told
    assert not told or re.search(r"CHAT_SIGNUP=1 lets visitors", "".join(lines))
