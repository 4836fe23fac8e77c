from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Thread
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission
from django.test import Client
from pytest_django import Settings

from chat.models import McpServer, User
from chat.tools.mcp.definitions import Definition
from tests.cast import make_staff
from tests.ports import closed_port
from tests.providers.raw_server import response
from tests.tools.mcp.server import ECHO, HEADERS, SECRET, sends
from tests.tools.mcp.server import McpServer as Fake

SignIn = Callable[[User], Client]
LIST = "/admin/chat/mcpserver/"
URL = "https://mcp.example.org/mcp/"
FORM = {"name": "Ours", "slug": "ours", "url": URL, "timeout": "30", "is_on": "on"}
BAD = {"name": "bad", "inputSchema": {"type": "object", "properties": {"a": {"$ref": "#/gone"}}}}

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _own_key(settings: Settings) -> None:
    settings.CHAT_SECRETS_KEY = ["o" * 32]


def make(url: str = URL, *tools: dict[str, Any]) -> McpServer:
    made = McpServer(name="Ours", slug="ours", url=url)
    made.set_headers(HEADERS)
    made.listing = [of(tool).to_json() for tool in tools]
    made.save()
    return made


def of(tool: dict[str, Any]) -> Definition:
    return Definition.of(tool["name"], tool.get("title"), tool.get("description"), tool["inputSchema"])


def page(server: McpServer, view: str = "change") -> str:
    return f"{LIST}{server.pk}/{view}/"


def errors(shown: Any) -> set[str]:
    return {*shown.context["adminform"].form.errors}


@contextmanager
def serving(server: Fake) -> Iterator[Fake]:
    """In a thread of its own: the admin is synchronous."""
    loop = asyncio.new_event_loop()
    thread = Thread(target=loop.run_forever)
    thread.start()
    try:
        asyncio.run_coroutine_threadsafe(server.__aenter__(), loop).result(20)
        yield server
        asyncio.run_coroutine_threadsafe(server.__aexit__(None, None, None), loop).result(20)
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


def said(client: Client, server: McpServer, view: str = "test", **sent: Any) -> str:
    shown = client.post(page(server, view), sent, follow=True)
    assert shown.status_code == 200
    assert SECRET not in shown.content.decode()
    (message,) = (str(each) for each in shown.context["messages"])
    return message


def test_an_administrator_adds_a_server(signed_in: SignIn, admin: User) -> None:
    sent = {**FORM, "new_headers": f"X-Team: {SECRET}\n\nAuthorization: Bearer a:b"}
    assert signed_in(admin).post(f"{LIST}add/", sent).status_code == 302
    made = McpServer.objects.get()
    assert (made.slug, made.url, made.timeout, made.is_on) == ("ours", URL, 30.0, True)
    assert made.headers == {"X-Team": SECRET, "Authorization": "Bearer a:b"}
    assert SECRET not in made.sealed_headers
    assert (made.pinned, made.listing, made.due_at) == ({}, [], None)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("slug", "a b"),
        ("slug", "a" * 41),
        ("url", ""),
        ("url", "npx some-server"),
        ("url", "file:///etc/passwd"),
        ("url", "ftp://example.org"),
        ("url", "http://bob:hunter2@example.org"),
        ("url", "https://example.org/mcp?key=1"),
        ("url", "https://example.org/mcp#a"),
        ("url", "https://example.org:99999"),
        ("timeout", "0"),
        ("timeout", "301"),
        ("timeout", "nan"),
        ("new_headers", f"X-Team {SECRET}"),
        ("new_headers", "Host: example.org"),
        ("new_headers", "Mcp-Session-Id: 1"),
        ("new_headers", "X-Team: ü"),
        ("new_headers", "\n".join(f"X-{number}: a" for number in range(21))),
    ],
)
def test_a_mistake_is_shown_and_nothing_is_stored(signed_in: SignIn, admin: User, field: str, value: str) -> None:
    sent = {**FORM, "new_headers": f"X-Team: {SECRET}", field: value}
    shown = signed_in(admin).post(f"{LIST}add/", sent)
    assert errors(shown) == {field}
    assert not McpServer.objects.exists()
    assert SECRET not in shown.content.decode()


def test_without_an_encryption_key_nothing_is_stored(signed_in: SignIn, admin: User, settings: Settings) -> None:
    settings.CHAT_SECRETS_KEY, settings.DATA_DIR = [], "/nowhere"
    shown = signed_in(admin).post(f"{LIST}add/", {**FORM, "new_headers": f"X-Team: {SECRET}"})
    assert "cannot be encrypted" in shown.content.decode()
    assert not McpServer.objects.exists()


def test_headers_can_be_kept_replaced_and_removed(signed_in: SignIn, admin: User) -> None:
    server, client = make(), signed_in(admin)

    def saved(**sent: str) -> dict[str, str]:
        assert client.post(page(server), {**FORM, **sent}).status_code == 302
        server.refresh_from_db()
        return server.headers

    assert saved(name="Renamed", slug="other") == HEADERS
    assert server.slug == "ours"
    assert saved(new_headers="X-New: b") == {"X-New": "b"}
    assert saved(forget="on") == {}


def test_a_new_url_requires_the_headers_again_and_forgets_the_tools(signed_in: SignIn, admin: User) -> None:
    server, client = make(URL, ECHO), signed_in(admin)
    server.accept({"echo": of(ECHO).hash_at("ours")}, ["echo"])
    moved = {**FORM, "url": "https://elsewhere.example.org/mcp"}

    assert errors(client.post(page(server), moved)) == {"new_headers"}
    server.refresh_from_db()
    assert (server.url, server.headers, server.pinned != {}) == (URL, HEADERS, True)

    assert client.post(page(server), {**moved, "new_headers": "X-New: b"}).status_code == 302
    server.refresh_from_db()
    assert (server.url, server.headers) == (moved["url"], {"X-New": "b"})
    assert (server.pinned, server.harmless, server.listing) == ({}, [], [])


def test_secrets_are_in_no_page_and_no_history(
    signed_in: SignIn, admin: User, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    leak = {**ECHO, "title": SECRET, "description": f"Use {SECRET} or otters-1234."}
    client = signed_in(admin)
    with serving(Fake(leak)) as fake:
        server = make(fake.url)
        assert said(client, server).startswith("It works: 1 tool")
    client.post(page(server), {**FORM, "url": fake.url, "new_headers": f"bad {SECRET}"})
    server.refresh_from_db()
    digest = of(server.listing[0] | {"inputSchema": server.listing[0]["parameters"]}).hash_at("ours")
    assert said(client, server, "accept", accept=[digest]).startswith("Saved.")
    seen = [client.get(each).content.decode() for each in (LIST, page(server), page(server, "history"))]
    seen.append(client.get(page(server, "delete")).content.decode())
    seen += [f"{entry.change_message} {entry.object_repr}" for entry in LogEntry.objects.all()]
    seen += [caplog.text, str(server.listing)]
    for text in seen:
        for secret in (SECRET, "otters-1234", server.sealed_headers):
            assert secret not in text
    assert "Set: X-Team, Authorization." in seen[1]


class TestTesting:
    def test_tools_are_shown_with_descriptions_and_hashes(self, signed_in: SignIn, admin: User) -> None:
        client = signed_in(admin)
        with serving(Fake({**ECHO, "description": "Say <b>it</b> again."}, BAD)) as fake:
            server = make(fake.url)
            assert said(client, server).startswith("It works: 2 tools, after ")
        assert any(f"X-Team: {SECRET}" in head for head in fake.heads)
        server.refresh_from_db()
        shown = client.get(page(server)).content.decode()
        digest = of({**ECHO, "description": "Say <b>it</b> again."}).hash_at("ours")
        assert f'value="{digest}"' in shown
        assert "Say &lt;b&gt;it&lt;/b&gt; again." in shown
        assert "refers to a schema that is missing" in shown
        assert shown.count('name="accept"') == 1
        # Nothing is accepted by looking at it.
        assert server.pinned == {}
        assert "0 of 2 on" in client.get(LIST).content.decode()

    @pytest.mark.parametrize(
        ("answer", "sentence"),
        [
            (response(b"hunter2", status="401 No"), "rejects the headers of this site (status 401)."),
            (response(b"", status="302 Found", headers=["Location: https://hunter2.example"]), "redirects to another"),
            (response(b"<html>hunter2", headers=["Content-Type: text/html"]), "does not speak MCP"),
            (response(b"hunter2", status="503 No"), "responds with an error (status 503)."),
        ],
    )
    def test_a_failing_server_is_reported_without_its_words(
        self, signed_in: SignIn, admin: User, answer: bytes, sentence: str
    ) -> None:
        with serving(Fake(initialize=sends(answer), server_discover=sends(answer))) as fake:
            found = said(signed_in(admin), server := make(fake.url, ECHO))
        assert found.startswith("It does not work: it ")
        assert sentence in found
        assert "hunter2" not in found
        server.refresh_from_db()
        assert server.problem
        assert [each["name"] for each in server.listing] == ["echo"]

    def test_a_server_that_is_down_is_reported(self, signed_in: SignIn, admin: User) -> None:
        server = make(f"http://127.0.0.1:{closed_port()}/mcp")
        client = signed_in(admin)
        assert said(client, server) == "It does not work: it could not be reached."
        assert "⚠ it could not be reached" in client.get(LIST).content.decode()

    def test_a_server_without_tools_is_reported(self, signed_in: SignIn, admin: User) -> None:
        fake = Fake()
        fake.tools = []
        with serving(fake):
            assert said(signed_in(admin), make(fake.url)) == "The server responds, but it lists no tools."

    def test_unreadable_headers_are_reported(self, signed_in: SignIn, admin: User, settings: Settings) -> None:
        server = make()
        settings.CHAT_SECRETS_KEY = ["n" * 32]
        assert "headers cannot be decrypted" in said(signed_in(admin), server)

    def test_it_is_limited(self, signed_in: SignIn, admin: User) -> None:
        server, client = make(f"http://127.0.0.1:{closed_port()}/mcp"), signed_in(admin)
        found = [said(client, server) for _ in range(11)]
        assert "too often" in found[-1]
        assert "too often" not in found[-2]


class TestAccepting:
    def test_what_is_ticked_is_pinned(self, signed_in: SignIn, admin: User, caplog: pytest.LogCaptureFixture) -> None:
        caplog.set_level(logging.INFO)
        other = {**ECHO, "name": "other"}
        server, client = make(URL, ECHO, other, BAD), signed_in(admin)
        digests = {each["name"]: of(each).hash_at("ours") for each in (ECHO, other)}

        assert said(client, server, "accept", accept=[digests["echo"]], harmless=["echo", "gone"]).startswith("Saved.")
        server.refresh_from_db()
        assert (server.pinned, server.harmless) == ({"echo": digests["echo"]}, ["echo"])
        assert "1 of 3 on" in client.get(LIST).content.decode()
        assert "accepted definitions of the MCP server ours: echo" in caplog.text

        said(client, server, "accept", accept=[digests["other"]])
        server.refresh_from_db()
        assert (server.pinned, server.harmless) == ({"other": digests["other"]}, [])
        assert LogEntry.objects.count() == 2

    def test_what_has_changed_meanwhile_is_not_pinned(self, signed_in: SignIn, admin: User) -> None:
        server, client = make(URL, {**ECHO, "description": "New."}), signed_in(admin)
        assert "changed meanwhile" in said(client, server, "accept", accept=[of(ECHO).hash_at("ours")])
        server.refresh_from_db()
        assert server.pinned == {}

    def test_a_changed_definition_is_marked(self, signed_in: SignIn, admin: User) -> None:
        server, client = make(URL, {**ECHO, "description": "New."}), signed_in(admin)
        server.accept({"echo": of(ECHO).hash_at("ours")}, [])
        assert "Its definition has changed: it is off." in client.get(page(server)).content.decode()
        shown = client.get(LIST).content.decode()
        assert "0 of 1 on" in shown
        assert "definitions have changed" in shown


@pytest.mark.parametrize("view", ["", "add/"])
def test_the_page_is_for_staff(signed_in: SignIn, charlie: User, view: str) -> None:
    assert signed_in(charlie).post(f"{LIST}{view}", FORM, follow=True).status_code == 403
    assert Client().get(f"{LIST}{view}").status_code == 302
    assert not McpServer.objects.exists()


@pytest.mark.parametrize("view", ["test", "accept"])
def test_buttons_need_the_change_permission(signed_in: SignIn, charlie: User, admin: User, view: str) -> None:
    server = make(URL, ECHO)
    digest = of(ECHO).hash_at("ours")
    reader = make_staff("sam", Permission.objects.filter(codename="view_mcpserver"))
    assert Client().post(page(server, view)).status_code == 302
    for user in (charlie, reader):
        assert signed_in(user).post(page(server, view), {"accept": digest}).status_code in {302, 403}
    assert signed_in(admin).get(page(server, view)).status_code == 405
    assert signed_in(admin).post(f"{LIST}999/{view}/").status_code == 404
    server.refresh_from_db()
    assert (server.pinned, server.problem) == ({}, "")


def test_staff_with_view_permission_see_no_form(signed_in: SignIn) -> None:
    server = make(URL, ECHO)
    client = signed_in(make_staff("sam", Permission.objects.filter(codename="view_mcpserver")))
    shown = client.get(page(server)).content.decode()
    assert "Say it again." in shown
    for absent in ("new_headers", "mcp-test", SECRET):
        assert absent not in shown
    assert client.post(page(server), FORM).status_code == 403
