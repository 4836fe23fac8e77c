"""No request header affects a link, a redirect or the log. Tested on the whole site, under each server."""

from __future__ import annotations

import asyncio
import http.client
import re
import shutil
import sys
from collections.abc import AsyncIterator, Iterator, Sequence
from pathlib import Path
from typing import Final

import pytest

from tests.faults.processes import Site
from tests.mail_server import MailServer
from tests.members import Member
from tests.security.header_names import hostile_names

NAMES: Final = hostile_names()
APPLICATION: Final = "chatsite.asgi:application"
COMMANDS: Final = {
    "serve": ("manage.py", "serve"),
    "daphne": ("-m", "daphne", "-v", "0", "-b", "127.0.0.1", "-p", "{port}", APPLICATION),
    "uvicorn": ("-m", "uvicorn", "--log-level", "info", "--host", "127.0.0.1", "--port", "{port}", APPLICATION),
}
URL: Final = "https://chat.example.org"
EVIL: Final = "evil.example"
FORGED: Final = "203.0.113.9"
VALUES: Final = (f"http://{EVIL}/x", FORGED)
# Each response contains a different address or decision.
PATHS: Final = ("/", "/accounts/login", "/accounts/login/?next=/c/x", "/admin/", "/api/conversations", "/nowhere")

Answer = tuple[int, str | None, str]


class ServedSite(Site):
    """`server` is one of COMMANDS."""

    def __init__(self, server: str, data_dir: Path, cast: dict[str, Member], **variables: str) -> None:
        self._server = server
        super().__init__(data_dir, cast, DJANGO_SETTINGS_MODULE="chatsite.settings", **variables)

    def _command(self, port: int) -> Sequence[str]:
        return [sys.executable, *(part.format(port=port) for part in COMMANDS[self._server])]

    def ask(
        self, method: str, path: str, headers: list[tuple[str, str]], body: str = "", *, host: str = ""
    ) -> tuple[http.client.HTTPResponse, str]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
        for name, value in [("Host", host or self.host), *headers]:
            connection.putheader(name, value)
        if body:
            connection.putheader("Content-Type", "application/x-www-form-urlencoded")
            connection.putheader("Content-Length", str(len(body)))
        connection.endheaders(body.encode())
        response = connection.getresponse()
        text = response.read().decode()
        connection.close()
        return response, text

    def answer(self, path: str, *headers: tuple[str, str]) -> Answer:
        """The status, the redirect target, and the page without its CSRF token."""
        response, text = self.ask("GET", path, list(headers))
        said = f"{response.headers}{text}"
        assert EVIL not in said, (path, headers)
        assert FORGED not in said, (path, headers)
        return response.status, response.headers["Location"], re.sub(r'name="csrfmiddlewaretoken"[^>]*', "", text)

    def asks_for_a_new_password(self, email: str, *headers: tuple[str, str], host: str = "") -> int:
        path = "/accounts/password/reset/"
        response, text = self.ask("GET", path, [], host=host)
        token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', text)
        cookie = response.headers["Set-Cookie"].partition(";")[0]
        assert token is not None
        body = f"email={email}&csrfmiddlewaretoken={token[1]}"
        return self.ask("POST", path, [("Cookie", cookie), *headers], body, host=host)[0].status


@pytest.fixture
async def mail() -> AsyncIterator[MailServer]:
    async with MailServer() as server:
        yield server


@pytest.fixture(params=list(COMMANDS))
def site(
    request: pytest.FixtureRequest,
    tmp_path: Path,
    prepared: tuple[Path, dict[str, Member]],
    mail: MailServer,
) -> Iterator[ServedSite]:
    shutil.copytree(prepared[0], tmp_path / "data")
    variables = {"EMAIL_URL": mail.url, "CHAT_URL": URL, "CHAT_SIGNUP": "1", "DEFAULT_FROM_EMAIL": "chat@example.org"}
    site = ServedSite(request.param, tmp_path / "data", prepared[1], **variables)
    try:
        site.start()
        yield site
    finally:
        site.stop()


def test_no_client_header_affects_a_response(site: ServedSite) -> None:
    expected = {path: site.answer(path) for path in PATHS}
    assert expected["/"][:2] == (302, "/accounts/login/?next=/")
    # What a client may ask for: another form or language of a response, or only a changed one.
    asked_for = {name for name in NAMES if name.startswith(("accept", "if-"))} | {
        "range",
        "http-range",
        "x-requested-with",
    }
    names = [name for name in NAMES if name not in asked_for | {"cookie", "authorization", "content-type"}]
    assert {"daphne-root-path", "x-forwarded-host", "referer", "origin", "x-original-url"} <= set(names)
    for name in names:
        assert site.answer("/", (name, VALUES[0])) == expected["/"], name
    for value in VALUES:
        everything = [(name, value) for name in names]
        for path in PATHS:
            assert site.answer(path, *everything) == expected[path], value
    assert EVIL not in site.log
    assert FORGED not in site.log


async def test_links_in_mail_lead_to_the_configured_address(site: ServedSite, mail: MailServer) -> None:
    sent = [(name, VALUES[0]) for name in NAMES if name not in {"cookie", "origin", "referer"}]
    sent = [(name, value) for name, value in sent if not name.startswith(("content-", "accept", "http-accept"))]
    assert "daphne-root-path" in dict(sent)
    for host, email in (("", "alice@example.org"), ("localhost:4444", "bob@example.org"), ("", "nobody@example.org")):
        status = await asyncio.to_thread(site.asks_for_a_new_password, email, *sent, host=host)
        assert status == 302
        letter = await mail.letter()
        text = f"{letter['Subject']}\n{letter.get_content()}"
        assert letter["To"] == email
        assert set(re.findall(r"https?://[^/\s]+", text)) == {URL}
        assert not re.search(rf"{EVIL}|{FORGED}|4444|127\.0\.0\.1", text)
        assert letter["Subject"].startswith("[chat.example.org] ")


def test_an_unknown_host_is_logged_in_one_line(site: ServedSite) -> None:
    before = site.log
    response, _ = site.ask("GET", "/", [], host=f"{EVIL}\\n2026-01-01")
    assert response.status == 400
    added = site.log.removeprefix(before)
    assert "Traceback" not in added
    assert [line for line in added.splitlines() if "Invalid HTTP_HOST" in line]


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
def test_probes_may_use_any_host(site: ServedSite, path: str) -> None:
    assert site.ask("GET", path, [], host="10.1.2.3:18500")[0].status == 200
    assert site.ask("GET", path, [], host=EVIL)[0].status == 200
