"""A site under a path of its host: CHAT_URL=https://host/chat."""

from __future__ import annotations

import asyncio
import http.cookiejar
import json
import re
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.client import connect

from tests.cast import PASSWORD
from tests.fake_openai.server import closed_port
from tests.members import prepare
from tests.server.process import END_SECONDS, ended, lines_until, running
from tests.settings_read import setting

PATH = "/chat"


@contextmanager
def serving(data_dir: Path, **variables: str) -> Iterator[str]:
    """Run a site; yield its origin."""
    port = closed_port()
    given = {"CHAT_DATA_DIR": str(data_dir), "CHAT_URL": f"http://127.0.0.1:{port}{PATH}", **variables}
    with running("manage.py", "serve", "--migrate", "--port", str(port), **given) as process:
        lines_until(process, "Chatsite is at ")
        yield f"http://127.0.0.1:{port}"


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    prepare(tmp_path)
    return tmp_path


class Visitor:
    def __init__(self, origin: str) -> None:
        self.origin = origin
        self.jar = http.cookiejar.CookieJar()
        self._opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(self.jar))

    def open(self, path: str, form: dict[str, str] | None = None, **headers: str) -> tuple[str, str]:
        """Return the final address, after redirects, and the page."""
        data = urllib.parse.urlencode(form).encode() if form is not None else None
        request = urllib.request.Request(self.origin + path, data, {"Origin": self.origin, **headers})
        with self._opener.open(request, timeout=END_SECONDS) as response:
            return response.url.removeprefix(self.origin), response.read().decode()

    def sign_in(self) -> tuple[str, str]:
        _, page = self.open(f"{PATH}/accounts/login/")
        token = re.findall(r'name="csrfmiddlewaretoken" value="([^"]+)"', page)[0]
        form = {"login": "admin", "password": PASSWORD, "csrfmiddlewaretoken": token}
        return self.open(f"{PATH}/accounts/login/", form)

    def cookies(self) -> dict[str, str]:
        return {cookie.name: cookie.path for cookie in self.jar}

    def header(self) -> str:
        return "; ".join(f"{cookie.name}={cookie.value}" for cookie in self.jar if cookie.path == PATH)


def links(page: str) -> set[str]:
    """The addresses on this host in the page's elements, without anchors."""
    return {each for each in re.findall(r'(?:href|src|action|data-[a-z-]*url)="(/[^"]*)"', page) if each != "/"}


async def hello(origin: str, cookie: str) -> dict[str, Any]:
    address = f"{origin.replace('http', 'ws')}{PATH}/ws/chat"
    headers = {"Cookie": cookie, "Origin": origin}
    async with connect(address, additional_headers=headers, subprotocols=["chat.v1"], proxy=None) as opened:
        frame: dict[str, Any] = json.loads(await opened.recv())
        return frame


def test_a_browser_behind_a_proxy_that_keeps_the_path(data_dir: Path) -> None:
    with serving(data_dir) as origin:
        visitor = Visitor(origin)
        assert visitor.open(PATH)[0].startswith(f"{PATH}/accounts/login/?next={PATH}/")
        address, page = visitor.sign_in()
        assert address == f"{PATH}/"
        assert links(page)
        assert {link for link in links(page) if not link.startswith(f"{PATH}/")} == set()
        assert set(visitor.cookies().values()) <= {PATH, f"{PATH}/accounts/"}
        for link in sorted(link for link in links(page) if "/static/" in link)[:5]:
            visitor.open(link)
        assert asyncio.run(hello(origin, visitor.header()))["type"] == "hello"
        assert json.loads(visitor.open(f"{PATH}/api/conversations")[1])["items"] == []
        assert visitor.open(f"{PATH}/admin/")[0] == f"{PATH}/admin/"
        with pytest.raises(urllib.error.HTTPError, match="404") as missing:
            visitor.open(f"{PATH}/nowhere")
        assert {link for link in links(missing.value.read().decode()) if not link.startswith(PATH)} == set()
        missing.value.close()


def test_api_urls_contain_the_path(data_dir: Path) -> None:
    token = ended("manage.py", "create_api_token", "alice", CHAT_DATA_DIR=str(data_dir)).stdout.strip()
    with serving(data_dir) as origin:
        visitor = Visitor(origin)
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        request = urllib.request.Request(f"{origin}{PATH}/api/runs", b'{"text": "hi"}', headers)
        with urllib.request.urlopen(request, timeout=END_SECONDS) as response:
            run = json.loads(response.read())
        assert run["events_url"].startswith(f"{PATH}/api/runs/")
        _, events = visitor.open(run["events_url"], Authorization=f"Bearer {token}")
        assert "event: done" in events


def test_a_proxy_may_strip_the_path_and_probes_need_none(data_dir: Path) -> None:
    with serving(data_dir) as origin:
        visitor = Visitor(origin)
        for path in ("/healthz", f"{PATH}/healthz"):
            assert visitor.open(path)[1] == "ok"
        assert "/chat/static/" in visitor.open("/accounts/login/")[1]


def test_mail_and_the_setup_link_contain_the_path_once(tmp_path: Path) -> None:
    port = closed_port()
    given = {"CHAT_DATA_DIR": str(tmp_path), "CHAT_URL": f"https://ai.example.org{PATH}/"}
    with running("manage.py", "serve", "--migrate", "--port", str(port), **given) as process:
        link = lines_until(process, "/setup/?token=")[-1].strip()
    assert link.startswith(f"https://ai.example.org{PATH}/setup/?token=")


@pytest.mark.parametrize(
    ("variables", "session", "path"),
    [
        ({}, "sessionid", "/"),
        ({"CHAT_HTTPS": "1"}, "__Host-sessionid", "/"),
        ({"CHAT_URL": "http://h/chat"}, "chat_sessionid", "/chat"),
        ({"CHAT_URL": "https://h/a/b-c/", "CHAT_HTTPS": "1"}, "__Secure-a_b_c_sessionid", "/a/b-c"),
        ({"CHAT_COOKIE_PREFIX": "two-"}, "two-sessionid", "/"),
        ({"CHAT_COOKIE_PREFIX": "two-", "CHAT_HTTPS": "1"}, "__Host-two-sessionid", "/"),
        ({"CHAT_COOKIE_PREFIX": "no;good"}, "sessionid", "/"),
    ],
)
def test_cookies_are_the_site_s_own(tmp_path: Path, variables: dict[str, str], session: str, path: str) -> None:
    assert setting("SESSION_COOKIE_NAME", tmp_path, **variables) == session
    assert setting("SESSION_COOKIE_PATH", tmp_path, **variables) == path


def test_two_sites_on_one_host_have_separate_cookies(data_dir: Path) -> None:
    """Browsers send cookies to all ports of a host."""
    with serving(data_dir, CHAT_COOKIE_PREFIX="one_") as first, serving(data_dir, CHAT_COOKIE_PREFIX="two_") as second:
        visitor, other = Visitor(first), Visitor(second)
        other.jar = visitor.jar
        other._opener = visitor._opener
        for each in (visitor, other):
            assert each.sign_in()[0] == f"{PATH}/"
        for each in (visitor, other):
            assert each.open(f"{PATH}/")[0] == f"{PATH}/"
        assert {"one_sessionid", "two_sessionid", "one_known_device", "two_known_device"} <= set(visitor.cookies())
        assert [name for name in visitor.cookies() if not name.startswith(("one_", "two_"))] == []
